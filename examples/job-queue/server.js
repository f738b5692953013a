// Takes jobs over HTTP and gives them to workers through the list "jobs". The
// result of a job comes back through a list of its own, "result:<id>".
//   POST /jobs {"text": ...}          202 and an id
//   POST /jobs?wait=5 {"text": ...}   the result, if it is there within 5 seconds
//   GET  /jobs/<id>?wait=5            the same later; a result is given once
import { randomUUID } from 'node:crypto';
import express from 'express';
import { createClientPool } from 'redis';

const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379, PORT = 3000 } = process.env;
// BRPOP keeps its connection for as long as it waits: each request that waits
// needs one, which the pool opens.
const broker = createClientPool({ url: `redis://${WEIR_HOST}:${WEIR_PORT}` }, { maximum: 200 });
broker.on('error', (err) => console.error(err));
await broker.connect();

const app = express();
app.use(express.json());

app.post('/jobs', async (req, res) => {
  if (typeof req.body?.text !== 'string') return res.status(400).json({ error: 'a job is {"text": "..."}' });
  const id = randomUUID();
  await broker.lPush('jobs', JSON.stringify({ id, text: req.body.text }));
  const wait = seconds(req);
  if (wait) await answer(res, id, wait, 202);
  else res.status(202).json({ id });
});

app.get('/jobs/:id', (req, res) => answer(res, req.params.id, seconds(req) || 0.01, 404));

// How long a request waits, at most a minute: BRPOP with 0 would wait for ever.
function seconds(req) {
  return Math.min(Number(req.query.wait) || 0, 60);
}

// answer waits for a result, and says with a status that there is none yet.
async function answer(res, id, wait, status) {
  const popped = await broker.brPop(`result:${id}`, wait);
  if (popped) res.json({ id, ...JSON.parse(popped.element) });
  else res.status(status).json({ id });
}

const server = app.listen(PORT, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit());
