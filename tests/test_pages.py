"""The pages in a real browser, with scripts switched off."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from serving import publish, serving

from kg.release import Home

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
MISSING = not (shutil.which(BROWSER) and shutil.which(DRIVER))

pytestmark = pytest.mark.skipif(
    MISSING and os.environ.get("CI") != "true",
    reason="no browser: apt-get install chromium chromium-driver",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    with serving(home) as server:
        yield server.url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    yield driver
    driver.quit()


def shown(browser: webdriver.Chrome, by: str, what: str) -> WebElement:
    """The element, once it is there: a click may return before the page it leads to."""
    found = WebDriverWait(browser, 20).until(lambda page: page.find_elements(by, what))
    return found[0]


def arrive(browser: webdriver.Chrome, url: str) -> None:
    """Wait until a click has led to this page."""
    WebDriverWait(browser, 20).until(lambda page: page.current_url == url)


def requested(browser: webdriver.Chrome) -> list[str]:
    """The URLs that the browser has asked for since it was last looked at."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def ask(browser: webdriver.Chrome, url: str) -> None:
    """Fill the form of a query on the first page, and send it."""
    browser.get(url)
    form = shown(browser, By.CSS_SELECTOR, 'form[action="/queries/empowerment/fields-of-platform"]')
    box = form.find_element(By.NAME, "platform")
    box.clear()
    box.send_keys("baidu")
    form.find_element(By.TAG_NAME, "button").click()


def test_form_on_the_first_page_leads_to_its_table(browser: webdriver.Chrome, url: str) -> None:
    ask(browser, url)
    arrive(browser, f"{url}/queries/empowerment/fields-of-platform?platform=baidu")
    table = shown(browser, By.TAG_NAME, "table")
    headings = [each.text for each in table.find_elements(By.TAG_NAME, "th")]
    assert headings[:3] == ["field", "technology", "evidence"]
    assert "智能网联汽车" in table.text
    assert shown(browser, By.CSS_SELECTOR, '[lang="zh"]').is_displayed()
    table.find_element(By.LINK_TEXT, "field/connected-vehicle").click()
    arrive(browser, f"{url}/id/field/connected-vehicle")
    assert "智能网联汽车" in shown(browser, By.TAG_NAME, "h1").text


def test_query_written_on_the_page_is_answered_there(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/sparql")
    shown(browser, By.CSS_SELECTOR, "form button").click()
    assert "intelligent finance" in shown(browser, By.TAG_NAME, "table").text
    box = shown(browser, By.NAME, "query")
    box.clear()
    box.send_keys("SELECT ?x WHERE {")
    shown(browser, By.CSS_SELECTOR, "form button").click()
    assert "line 1" in shown(browser, By.CSS_SELECTOR, '[role="alert"]').text
    assert shown(browser, By.NAME, "query").text == "SELECT ?x WHERE {"


def test_no_request_leaves_the_host_and_nothing_is_blocked(
    browser: webdriver.Chrome, url: str
) -> None:
    requested(browser)
    browser.get_log("browser")
    ask(browser, url)
    for path in ("/queries", "/sparql", "/problems", "/id/organization/evil"):
        browser.get(url + path)
    urls = requested(browser)
    assert any(each.endswith("/static/style.css") for each in urls)
    assert [each for each in urls if not each.startswith(f"{url}/")] == []
    assert browser.get_log("browser") == []


def width(browser: webdriver.Chrome) -> int:
    """How wide the page is laid out, in CSS pixels."""
    metrics = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})
    return int(metrics["cssContentSize"]["width"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_in_light_and_dark(
    browser: webdriver.Chrome, url: str, scheme: str, tmp_path: Path
) -> None:
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        paths = ("", "queries", "sparql", "problems", "id/organization/evil", "nowhere")
        for path in (*paths, "queries/empowerment/fields-of-platform?platform=baidu"):
            browser.get(f"{url}/{path}")
            # On a busy machine the page may be laid out once before its viewport is read.
            WebDriverWait(browser, 20).until(lambda each: width(each) == 360, path)
            for each in browser.find_elements(By.CSS_SELECTOR, "input, button, select, textarea"):
                assert each.rect["x"] >= 0
                assert each.rect["x"] + each.rect["width"] <= 360
        body = shown(browser, By.TAG_NAME, "body")
        ground = body.value_of_css_property("background-color")
        brightness = sum(int(part) for part in ground.split("(")[1].rstrip(")").split(",")[:3])
        assert (brightness > 382) == (scheme == "light")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A site that has nothing to do with ours."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title>")

    def log_message(self, format: str, *_: object) -> None:
        pass


def test_page_of_another_origin_fetches_an_answer(browser: webdriver.Chrome, url: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    elsewhere = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=elsewhere.serve_forever)
    thread.start()
    try:
        browser.get(f"http://127.0.0.1:{elsewhere.server_port}/")
        found = browser.execute_async_script(
            """
            const [url, done] = arguments;
            const body = "ASK { ?s ?p ?o }", type = "application/sparql-query";
            fetch(url, {method: "POST", body, headers: {"Content-Type": type, Accept: "*/*"}})
              .then(async answer => done([
                answer.status, answer.headers.get("X-KG-Release"), (await answer.json()).boolean
              ]), error => done([String(error), "", false]));
            """,
            f"{url}/sparql",
        )
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        elsewhere.shutdown()
        elsewhere.server_close()
        thread.join()
    status, release, answer = found
    assert status == 200
    assert len(release) >= 8
    assert answer is True
