"""How long from a key press to the next review on screen: a real browser before a real `winnow run`, on loopback.

    python benchmarks/keypress.py --answers 300

Taken in the page, from the key's own time stamp to the frame with the next review, painted. Beside it other
annotators label over HTTP, first none, then 15. Browser, server and they share this machine.
"""

import argparse
import shutil
import statistics
import tempfile
import threading
from pathlib import Path
from random import Random

from annotation_queue import build, measure
from playwright.sync_api import BrowserContext, Page, sync_playwright
from serving import free_port, process, wait_for

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
QUEUE = "/projects/1/annotate"
# The frame after the review is there calls back; the message after that comes when it is painted.
STOPWATCH = """
window.presses = [];
let began = null;
addEventListener("keydown", (event) => { began = event.timeStamp; }, { capture: true });
addEventListener("DOMContentLoaded", () => {
  const lease = () => document.querySelector("#desk form[data-lease]")?.dataset.lease ?? null;
  let last = lease();
  new MutationObserver(() => {
    if (lease() === null || lease() === last) return;
    const since = began;
    [last, began] = [lease(), null];
    if (since === null) return;
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.presses.push(performance.now() - since);
      port2.postMessage(0);
    });
  }).observe(document.getElementById("desk"), { childList: true });
});
"""


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        instance, tokens = build(Path(folder), options.reviews)
        port = free_port()
        path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        with process(instance, "run", "--port", str(port)):
            wait_for(port)
            context = logged_in(browser.new_context(), port, tokens[0])
            for others in (0, 15):
                seconds = options.answers * options.think
                crowd = threading.Thread(target=measure, args=(port, tokens[1 : 1 + others], seconds, 1.0))
                crowd.start()
                report(others, key_presses(context, port, options.answers, options.think))
                crowd.join()
        browser.close()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--answers", type=int, default=300, help="of each of the two runs")
    parser.add_argument("--think", type=float, default=0.4, help="mean seconds between two key presses")
    return parser.parse_args()


def logged_in(context: BrowserContext, port: int, session: str) -> BrowserContext:
    context.add_cookies([{"name": "winnow", "value": session, "url": f"http://127.0.0.1:{port}"}])
    context.route("https://**/*", lambda route: route.abort())  # the page labels without its CDN
    context.add_init_script(STOPWATCH)
    return context


def key_presses(context: BrowserContext, port: int, answers: int, think: float) -> list[float]:
    """Milliseconds of each, at a person's irregular pace."""
    page: Page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}{QUEUE}")
    page.wait_for_selector("form[data-lease]")
    page.wait_for_load_state("networkidle")
    chance = Random(0)
    for _ in range(answers):
        page.wait_for_timeout(1000 * chance.expovariate(1 / think))
        page.keyboard.press(chance.choice("123"))
    page.wait_for_timeout(2000)
    times: list[float] = page.evaluate("window.presses")
    page.close()
    assert len(times) > 0.95 * answers, "keys were pressed before the review was there"
    return times


def report(others: int, times: list[float]) -> None:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    figures = f"p50 {cuts[49]:5.1f} ms, p95 {cuts[94]:5.1f} ms, max {max(times):6.1f} ms"
    print(f"beside {others:>2} others  n {len(times):>4}  key to next review: {figures}", flush=True)


if __name__ == "__main__":
    main()
