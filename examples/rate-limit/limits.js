// Two ways to allow somebody so many requests in so many milliseconds. Each
// returns 0 if the request may go on, or after how many milliseconds to try again.
// The commands of a request are sent together: one round trip.
import { randomUUID } from 'node:crypto';

// fixedWindow counts from the first request on, and anew when the window is
// over. One number for each who asks; but around the end of a window there can be
// twice as many requests as the limit.
export async function fixedWindow(broker, who, limit, windowMs) {
  const key = `rate:fixed:${who}`;
  const [count, , left] = await Promise.all([
    broker.incr(key),
    broker.pExpire(key, windowMs, 'NX'), // the first one starts the clock
    broker.pTTL(key),
  ]);
  return count <= limit ? 0 : Math.max(left, 1);
}

// slidingWindow remembers the time of each request that was allowed: in no
// windowMs are there more of them than the limit. It takes memory for each.
export async function slidingWindow(broker, who, limit, windowMs) {
  const key = `rate:sliding:${who}`;
  const now = Date.now();
  const request = `${now}-${randomUUID()}`;
  const [, , count, [oldest]] = await Promise.all([
    broker.zRemRangeByScore(key, '-inf', now - windowMs),
    broker.zAdd(key, { score: now, value: request }),
    broker.zCard(key),
    broker.zRangeWithScores(key, 0, 0),
    broker.pExpire(key, windowMs),
  ]);
  if (count <= limit) return 0;
  await broker.zRem(key, request); // what was refused does not count
  return Math.max(oldest.score + windowMs - now, 1);
}
