"""Plays three days of a game, and shows who leads, each day and over all of them."""

import os
import random

import redis

PLAYERS = ["ada", "bob", "cleo", "dan", "eve", "finn", "gus", "hana"]
DAYS = ["mon", "tue", "wed"]
WEEK = 7 * 24 * 3600

broker = redis.Redis(
    host=os.environ.get("WEIR_HOST", "127.0.0.1"), port=int(os.environ.get("WEIR_PORT", 6379)), decode_responses=True
)


def play(day, games, dice):
    """Adds the points of some games to a day's board, which goes by itself after a week."""
    board = f"scores:{day}"
    with broker.pipeline(transaction=False) as pipe:
        pipe.delete(board)
        for _ in range(games):
            pipe.zincrby(board, dice.randint(1, 100), dice.choice(PLAYERS))
        pipe.expire(board, WEEK)
        pipe.execute()


def top(board, n):
    """The n best of a board, the best first."""
    return broker.zrange(board, 0, n - 1, desc=True, withscores=True)


def around(board, player):
    """A player's place, counted from 1, with those next above and below; nothing if the player is not on the board."""
    place = broker.zrevrank(board, player)
    if place is None:
        return []
    first = max(place - 1, 0)
    rows = broker.zrange(board, first, place + 1, desc=True, withscores=True)
    return [(first + i + 1, name, score) for i, (name, score) in enumerate(rows)]


dice = random.Random(7)  # so that every run plays the same games
for day in DAYS:
    play(day, 60, dice)
    winner, points = top(f"scores:{day}", 1)[0]
    print(f"{day}: {winner} wins with {points:.0f} points")

broker.zunionstore("scores:week", [f"scores:{day}" for day in DAYS])
broker.expire("scores:week", WEEK)

print("\nthe week's best")
for place, (name, score) in enumerate(top("scores:week", 3), start=1):
    print(f"{place}. {name:5} {score:5.0f}")

print("\naround gus")
for place, name, score in around("scores:week", "gus"):
    print(f"{place}. {name:5} {score:5.0f}")

good = broker.zcount("scores:week", 1200, "+inf")
print(f"\n{good} of {broker.zcard('scores:week')} have 1200 points or more")
