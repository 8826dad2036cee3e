"""The frame of every HTML page: a document that needs no script, no other file and no network."""

from html import escape

# Nothing on the page may load or run anything, even if some text got through unescaped.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f7f7f4; --card: #ffffff; --ink: #1c2126; --soft: #59626b; --rule: #c9ced3;
  --bar: #0072b2; --track: #e4e7ea; --warn: #b34700; --warn-page: #fdf0e4;
  --low: #f9d8bd; --high: #cfe3f3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1d2125; --ink: #e6e9ec; --soft: #a3adb6; --rule: #454d55;
    --bar: #56b4e9; --track: #343a40; --warn: #ffa657; --warn-page: #33251a;
    --low: #593216; --high: #173a54;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 4rem; max-width: 74rem;
  background: var(--page); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { margin: .2rem 0 0; font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.15; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.3rem; }
p { margin: .4rem 0; }
a { color: inherit; text-underline-offset: .2em; }
small, nav, figcaption, .soft, dt { font-size: .875rem; }
small, figcaption, .soft, dt { color: var(--soft); font-weight: 400; }
dl, ol, ul { margin: 0; padding: 0; list-style: none; display: grid; gap: .6rem; }
.card { margin: .6rem 0 0; padding: .7rem .9rem; background: var(--card); border-radius: .5rem; }
.scroll { overflow: auto; }
table { border-collapse: separate; border-spacing: 0; font-size: .9rem; }
th, td { padding: .35rem .5rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { white-space: normal; line-height: 1.25; background: var(--card); }
th:first-child { text-align: left; }
tr + tr > * { border-top: 1px solid var(--track); }
td { font-variant-numeric: tabular-nums; }
thead th { position: sticky; top: 0; z-index: 1; border-bottom: 2px solid var(--rule); }
@media (max-width: 34rem) { .card { padding: .5rem; } }
"""


def html_document(title: str, body: str, style: str = "") -> str:
    """A whole page. title: plain text; body: HTML; style: CSS after the common one."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
