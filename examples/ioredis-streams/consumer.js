// Prints every entry of the stream "temperatures", from the first one on.
//   node consumer.js [count [ID to continue after]]
import { Redis } from 'ioredis';

const [count = Infinity, after = '0'] = process.argv.slice(2);
const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
const broker = new Redis(Number(WEIR_PORT), WEIR_HOST);

let lastId = after;
let received = 0;
while (received < Number(count)) {
  // BLOCK 0 waits for as long as it takes.
  const streams = await broker.xread('COUNT', 1, 'BLOCK', 0, 'STREAMS', 'temperatures', lastId);
  for (const [, entries] of streams) {
    for (const [id, [, sensor, , celsius]] of entries) {
      lastId = id;
      received++;
      console.log(`received ${id} ${sensor} ${celsius}`);
    }
  }
}
await broker.quit();
