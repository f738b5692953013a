// Shows what cache.js does: with many readers at once, after expiry, and when
// the one who loads fails or dies. Exit status 1 says that it did not.
import { setTimeout as sleep } from 'node:timers/promises';
import Redis from 'ioredis';
import { cached } from './cache.js';

const { WEIR_HOST: host = '127.0.0.1', WEIR_PORT: port = 6379 } = process.env;
const brokers = [new Redis({ host, port }), new Redis({ host, port })]; // as two processes would have
const key = 'product:42';
const times = { ttlMs: 2000, lockMs: 1000 };
await brokers[0].del(key, `${key}:lock`);

let loads = 0;
async function slowDatabase() {
  loads++;
  await sleep(100);
  return { id: 42, name: 'lamp', price: 19.9 };
}

// ask has n readers ask at once, and prints how often the database was asked for it.
async function ask(n, what) {
  loads = 0;
  const answers = await Promise.all(Array.from({ length: n }, (_, i) => cached(brokers[i % 2], key, times, slowDatabase)));
  const right = answers.filter(({ name }) => name === 'lamp').length;
  console.log(`${what}: ${right} of ${n} readers have it, loads of the database: ${loads}`);
  return loads;
}

const asked = [await ask(100, 'at first'), await ask(100, 'right after')];

await sleep(times.ttlMs);
asked.push(await ask(100, 'after it expired'));

// A loader that fails lets go of the lock: the next one is not held up.
await brokers[0].del(key);
const failed = await cached(brokers[0], key, times, () => { throw new Error('no database'); }).catch((err) => err);
console.log(`a loader fails: ${failed.message}`);
asked.push(await ask(100, 'after that'));

// One that dies leaves the lock behind, for a second at most.
await brokers[0].del(key);
await brokers[0].set(`${key}:lock`, 'a process that died', 'PX', times.lockMs, 'NX');
asked.push(await ask(100, 'after a loader died'));

process.exitCode = asked.join() === '1,0,1,1,1' ? 0 : 1;
brokers.forEach((broker) => broker.disconnect());
