// Appends a reading to the stream "temperatures" every so often.
//   node producer.js [count [seconds between two entries]]
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';

const [count = Infinity, every = 1] = process.argv.slice(2).map(Number);
const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
const broker = createClient({ url: `redis://${WEIR_HOST}:${WEIR_PORT}` });
broker.on('error', (err) => console.error(err));
await broker.connect();

for (let sent = 0; sent < count; sent++) {
  const reading = { sensor: 'roof', celsius: (Math.random() * 35 - 5).toFixed(1) };
  const id = await broker.xAdd('temperatures', '*', reading);
  console.log(`sent ${id} ${reading.sensor} ${reading.celsius}`);
  await sleep(every * 1000);
}
await broker.close();
