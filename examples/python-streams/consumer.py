"""Prints every entry of the stream "temperatures", from the first one on."""

import argparse
import os

import redis

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--count", type=int, default=0, help="stop after so many entries (default: never)")
args.add_argument("--last-id", default="0", help="continue after this ID; $ is: only what is new")
args = args.parse_args()

broker = redis.Redis(
    host=os.environ.get("WEIR_HOST", "127.0.0.1"), port=int(os.environ.get("WEIR_PORT", 6379)), decode_responses=True
)

last_id = args.last_id
received = 0
while args.count == 0 or received < args.count:
    # block=0 waits for as long as it takes.
    for _stream, entries in broker.xread({"temperatures": last_id}, count=1, block=0):
        for last_id, reading in entries:
            received += 1
            print(f"received {last_id} {reading['sensor']} {reading['celsius']}", flush=True)
