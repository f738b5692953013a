// Takes jobs from the stream "photos" as one consumer of the group "workers",
// until its parent says finish (or is gone).
//   node worker.js name [milliseconds after which a job may be claimed]
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';

const [name, minIdle = 1000] = process.argv.slice(2);
const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
let finish = false;
process.on('message', () => { finish = true; });
process.on('disconnect', () => { finish = true; });

const broker = createClient({ url: `redis://${WEIR_HOST}:${WEIR_PORT}` });
broker.on('error', (err) => console.error(err));
await broker.connect();

// Each job is acknowledged only after its result is on disk: a worker that dies
// in between leaves the job pending, and it is done again.
async function work(jobs, claimed) {
  for (const { id, message: { ms } } of jobs) {
    await sleep(Number(ms)); // the work
    await broker.xAdd('photos:done', '*', { job: id, worker: name, claimed: String(claimed) });
    await broker.xAck('photos', 'workers', id);
  }
}

while (!finish) {
  const read = await broker.xReadGroup('workers', name, { key: 'photos', id: '>' }, { COUNT: 10, BLOCK: 50 });
  if (read) {
    await work(read[0].messages, false);
  } else { // nothing new: perhaps somebody else has died
    const { messages } = await broker.xAutoClaim('photos', 'workers', name, Number(minIdle), '0', { COUNT: 3 });
    await work(messages, true);
  }
}
await broker.close();
if (process.connected) process.disconnect();
