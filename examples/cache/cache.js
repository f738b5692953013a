// Cache-aside: what is asked for comes from the cache, or else from where it is
// slow to get, once, however many ask for it at the same time.
import { setTimeout as sleep } from 'node:timers/promises';

// cached returns the value of a key. If it is not there, or has expired, one of
// those who ask, in whatever process, takes the lock, loads it and stores it for
// ttlMs; the others wait for it. The lock goes by itself after lockMs, so that
// a loader that dies holds nobody up for longer: lockMs is more than load takes.
export async function cached(broker, key, { ttlMs, lockMs }, load) {
  const lock = `${key}:lock`;
  for (;;) {
    const hit = await broker.get(key);
    if (hit !== null) return JSON.parse(hit);
    const began = performance.now();
    if ((await broker.set(lock, process.pid, 'PX', lockMs, 'NX')) === null) {
      await sleep(10); // somebody else loads it
      continue;
    }
    try {
      const late = await broker.get(key); // stored between our look and our lock
      if (late !== null) return JSON.parse(late);
      const value = await load();
      await broker.set(key, JSON.stringify(value), 'PX', ttlMs);
      return value;
    } finally {
      // After lockMs the lock may be somebody else's: then it is not ours to take away.
      if (performance.now() - began < lockMs / 2) await broker.del(lock);
    }
  }
}
