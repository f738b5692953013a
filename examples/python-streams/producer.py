"""Appends a reading to the stream "temperatures" every so often."""

import argparse
import os
import random
import time

import redis

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--count", type=int, default=0, help="stop after so many entries (default: never)")
args.add_argument("--every", type=float, default=1.0, help="seconds between two entries")
args = args.parse_args()

broker = redis.Redis(
    host=os.environ.get("WEIR_HOST", "127.0.0.1"), port=int(os.environ.get("WEIR_PORT", 6379)), decode_responses=True
)

sent = 0
while args.count == 0 or sent < args.count:
    reading = {"sensor": "roof", "celsius": f"{random.uniform(-5, 30):.1f}"}
    entry_id = broker.xadd("temperatures", reading)
    sent += 1
    print(f"sent {entry_id} {reading['sensor']} {reading['celsius']}", flush=True)
    time.sleep(args.every)
