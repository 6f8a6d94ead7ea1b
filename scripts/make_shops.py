#!/usr/bin/env python3
"""Writes a panel of made sales, of which everything that moves them is known: 200 shops, up to 900 days each.

    python3 scripts/make_shops.py OUT.csv [--shops N] [--days N] [--seed S]

sales of a shop on a day = level x trend x weekly season x yearly season x shifts x promotion x noise:
  level      e^N(4, 1), so that the largest shops sell a hundred times what the smallest do
  trend      up to 30 % a year, up or down
  weekly     the shop's own seven factors, e^N(0, 0.3)
  yearly     1 + 0.2 sin(2 pi (day / 365.25 + phase))
  shifts     on a day in 150 the level moves for good, by e^N(0, 0.4)
  promotion  one to five days at a time, a day in ten: sales rise by 30 to 90 %, the shop's own factor
  noise      e^N(0, 0.08)
Shops open on different days. The last 14 days are yet to come: of them the promotions alone are known.
"""
import argparse
import datetime
import math
import random

HORIZON = 14


def shop_rows(number, days, seed):
    draw = random.Random(f"{seed} {number}")
    level = math.exp(draw.gauss(4, 1))
    trend = draw.uniform(-0.3, 0.3) / 365
    weekly = [math.exp(draw.gauss(0, 0.3)) for _ in range(7)]
    phase, lift = draw.random(), draw.uniform(0.3, 0.9)
    opened = draw.randrange(0, days // 2)
    kind = draw.choice(["corner", "market", "store"])
    left = 0
    for day in range(days + HORIZON):
        if left == 0 and draw.random() < 0.033:
            left = draw.randint(1, 5)
        promotion = left > 0
        left = max(0, left - 1)
        if draw.random() < 1 / 150:
            level *= math.exp(draw.gauss(0, 0.4))
        sales = level * math.exp(trend * day) * weekly[day % 7]
        sales *= 1 + 0.2 * math.sin(2 * math.pi * (day / 365.25 + phase))
        sales *= (1 + lift if promotion else 1) * math.exp(draw.gauss(0, 0.08))
        if day >= opened:
            yield day, "" if day >= days else f"{sales:.2f}", int(promotion), kind


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--shops", type=int, default=200)
    parser.add_argument("--days", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    first = datetime.date(2023, 1, 2)
    with open(asked.out, "w", encoding="ascii") as file:
        file.write("shop,day,sales,promotion,kind\n")
        for number in range(asked.shops):
            for day, sales, promotion, kind in shop_rows(number, asked.days, asked.seed):
                file.write(f"s{number + 1:03},{first + datetime.timedelta(days=day)},{sales},{promotion},{kind}\n")


if __name__ == "__main__":
    main()
