// Appends a reading to the stream "temperatures" every so often.
//   node producer.js [count [seconds between two entries]]
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const [count = Infinity, every = 1] = process.argv.slice(2).map(Number);
const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
const broker = new Redis(Number(WEIR_PORT), WEIR_HOST);

for (let sent = 0; sent < count; sent++) {
  const celsius = (Math.random() * 35 - 5).toFixed(1);
  const id = await broker.xadd('temperatures', '*', 'sensor', 'roof', 'celsius', celsius);
  console.log(`sent ${id} roof ${celsius}`);
  await sleep(every * 1000);
}
await broker.quit();
