// An HTTP server that allows each user 10 requests in 2 seconds.
//   curl -i 'localhost:3000/fixed?user=ann'
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { createClient } from 'redis';
import { fixedWindow, slidingWindow } from './limits.js';

const limits = { '/fixed': fixedWindow, '/sliding': slidingWindow };

// serve starts the server, on any free port for 0, and returns what ends it.
export async function serve(port) {
  const { WEIR_HOST = '127.0.0.1', WEIR_PORT = 6379 } = process.env;
  const broker = createClient({ url: `redis://${WEIR_HOST}:${WEIR_PORT}` });
  broker.on('error', (err) => console.error(err));
  await broker.connect();

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const limit = limits[pathname];
    if (!limit) return response.writeHead(404).end();
    const waitMs = await limit(broker, searchParams.get('user') ?? 'anonymous', 10, 2000);
    if (waitMs === 0) return response.writeHead(200).end('welcome\n');
    response.writeHead(429, { 'Retry-After': Math.ceil(waitMs / 1000) }).end(`try again in ${waitMs} ms\n`);
  });
  await new Promise((listening) => server.listen(port, '127.0.0.1', listening));
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await broker.close();
  };
  return { port: server.address().port, close };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { port } = await serve(Number(process.env.PORT ?? 3000));
  console.log(`http://localhost:${port}/fixed and /sliding allow 10 requests in 2 seconds`);
}
