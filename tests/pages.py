# SPDX-License-Identifier: Apache-2.0
"""What a browser would see of a report."""

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br"}
INLINE = {"a", "code", "strong", "span", "cite"}
LOADING = {"src", "srcset", "data", "poster", "action", "background"}


class Page(HTMLParser):
    """What a browser would see: text by section, attributes, and whether tags are balanced."""

    def __init__(self, html):
        super().__init__()
        self.html, self.open, self.ids, self.loads, self.links = html, [], [], [], []
        self.sections, self.images, self.section, self.misnested = {}, [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.part(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = found["id"]
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "img":
            self.images.append(found)
        if tag == "a":
            self.links.append(found["href"])
        elif "href" in found:
            self.loads.append(found["href"])
        self.loads += [value for name, value in attrs if name in LOADING]

    def part(self, tag):
        """Keep words apart that a browser shows in different places."""
        if tag not in INLINE:
            self.handle_data(" ")

    def handle_endtag(self, tag):
        self.part(tag)
        if self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.sections[self.section] = self.sections.get(self.section, "") + data

    def text(self, section):
        return " ".join(self.sections[section].split())
