// Takes jobs from the list "jobs", the oldest first, and gives each result to the
// one who waits for it. Start as many as you like.
//   node worker.js name
import { createClient } from 'redis';

const name = process.argv[2] ?? `worker-${process.pid}`;
const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
const broker = createClient({ url: `redis://${WEIR_HOST}:${WEIR_PORT}` });
broker.on('error', (err) => console.error(err));
await broker.connect();
console.log(`${name} is waiting for jobs`);

let finish = false;
process.on('SIGTERM', () => { finish = true; });
while (!finish) {
  const popped = await broker.brPop('jobs', 0.5); // so that it sees that it is to finish
  if (!popped) continue;
  const { id, text } = JSON.parse(popped.element);
  const result = text.toUpperCase(); // the work
  await broker.lPush(`result:${id}`, JSON.stringify({ result, worker: name }));
  await broker.expire(`result:${id}`, 3600); // nobody may ever ask for it
}
await broker.close();
