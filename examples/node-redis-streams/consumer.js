// Prints every entry of the stream "temperatures", from the first one on.
//   node consumer.js [count [ID to continue after]]
import { createClient } from 'redis';

const [count = Infinity, after = '0'] = process.argv.slice(2);
const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
const broker = createClient({ url: `redis://${WEIR_HOST}:${WEIR_PORT}` });
broker.on('error', (err) => console.error(err));
await broker.connect();

let lastId = after;
let received = 0;
while (received < Number(count)) {
  // BLOCK 0 waits for as long as it takes.
  const streams = await broker.xRead({ key: 'temperatures', id: lastId }, { COUNT: 1, BLOCK: 0 });
  for (const { messages } of streams) {
    for (const { id, message } of messages) {
      lastId = id;
      received++;
      console.log(`received ${id} ${message.sensor} ${message.celsius}`);
    }
  }
}
await broker.close();
