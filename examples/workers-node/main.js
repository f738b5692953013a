// Starts three workers, kills the one that is given a long job, and checks that
// the others do what it held: nothing is lost, nothing is done twice without a
// claim. Exit status 1 says that this did not hold.
//   node main.js [jobs]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';

const jobs = Number(process.argv[2] ?? 300);
const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
const broker = createClient({ url: `redis://${WEIR_HOST}:${WEIR_PORT}` });
broker.on('error', (err) => console.error(err));
await broker.connect();

try {
  await broker.xGroupCreate('photos', 'workers', '0', { MKSTREAM: true });
} catch (err) {
  console.error(`the stream "photos" has been used before (${err.message}): redis-cli DEL photos photos:done`);
  process.exit(1);
}
const names = ['ann', 'bob', 'carol'];
const workers = new Map(names.map((name) => [name, fork(new URL('worker.js', import.meta.url), [name])]));

const added = await Promise.all(Array.from({ length: jobs }, (_, n) =>
  broker.xAdd('photos', '*', { photo: `${n}.jpg`, ms: n === Math.floor(jobs / 3) ? '500' : '2' })));
const long = added[Math.floor(jobs / 3)];
console.log(`produced ${jobs} jobs, one of which takes long`);

// Whoever is given the long job dies, without a word to the broker.
let pending = [];
while (pending.length === 0) pending = await broker.xPendingRange('photos', 'workers', long, long, 1);
const victim = pending[0].consumer;
workers.get(victim).kill('SIGKILL');
await once(workers.get(victim), 'exit');
workers.delete(victim);
const held = (await broker.xPendingRange('photos', 'workers', '-', '+', 100, { consumer: victim })).length;
console.log(`killed ${victim}, who had the long one and held ${held} jobs\n`);

for (;;) {
  const [{ pending, lag }] = await broker.xInfoGroups('photos');
  if (pending === 0 && lag === 0) break;
  await sleep(10);
}
for (const worker of workers.values()) {
  worker.send('finish');
  await once(worker, 'exit');
}

// The table is what the broker says.
const results = (await broker.xRange('photos:done', '-', '+')).map(({ message }) => message);
const consumers = await broker.xInfoConsumers('photos', 'workers');
const claims = (list) => list.filter(({ claimed }) => claimed === 'true').length;
console.log('worker   done  claimed  left pending');
const line = (name, mine, pending, note = '') =>
  console.log(`${name.padEnd(6)} ${String(mine.length).padStart(6)} ${String(claims(mine)).padStart(8)} ${String(pending).padStart(13)}${note}`);
let left = 0;
for (const name of names) {
  const { pending } = consumers.find((c) => c.name === name) ?? { pending: 0 };
  line(name, results.filter(({ worker }) => worker === name), pending, name === victim ? '  killed' : '');
  left += pending;
}
line('all', results, left);

const wrong = [];
for (const id of added) {
  const done = results.filter(({ job }) => job === id);
  if (done.length === 0) wrong.push(`job ${id} was lost`);
  if (done.length - claims(done) > 1) wrong.push(`job ${id} was done more than once without a claim`);
}
if (left !== 0) wrong.push(`${left} jobs are left pending`);
if (!results.some(({ job, worker, claimed }) => job === long && worker !== victim && claimed === 'true')) {
  wrong.push(`${victim} had job ${long} when it was killed, and nobody claimed it`);
}
wrong.forEach((text) => console.error(text));
process.exitCode = wrong.length ? 1 : 0;
await broker.close();
