// Starts the server and is a user in a hurry. Exit status 1 says that a limit did
// not hold.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from './server.js';

const { port, close } = await serve(0);
const user = randomUUID(); // with a fresh allowance

// hurry sends n requests at once and counts the answers by their status.
async function hurry(path, who, n) {
  const answers = await Promise.all(Array.from({ length: n }, () => fetch(`http://127.0.0.1:${port}${path}?user=${who}`)));
  await Promise.all(answers.map((answer) => answer.text()));
  const of = (status) => answers.filter((answer) => answer.status === status).length;
  return `${of(200)} welcome, ${of(429)} too many`;
}

const said = [];
function say(line) {
  said.push(line);
  console.log(line);
}
for (const path of ['/fixed', '/sliding']) {
  say(`${path}: 15 requests at once: ${await hurry(path, user, 15)}`);
  say(`${path}: of somebody else: ${await hurry(path, `${user}-else`, 5)}`);
  await sleep(2200);
  say(`${path}: 2 seconds later: ${await hurry(path, user, 15)}`);
}
const right = ['10 welcome, 5 too many', '5 welcome, 0 too many', '10 welcome, 5 too many'];
process.exitCode = said.every((line, i) => line.endsWith(right[i % 3])) ? 0 : 1;
await close();
