// Starts the deck. Each slide is shown as large as it fits; what does not fit at all scrolls.
const LARGEST = 120; // percent
const SMALLEST = 60;

function fit(slide) {
  const content = slide && slide.querySelector(":scope > .fit");
  if (!content) return;
  const room = Reveal.getConfig().height;
  // What would be cut off at the right: code and formulas.
  const lines = ".input pre, .output_markdown pre, mjx-container[display]";
  const wide = [...content.querySelectorAll(lines)];
  const pictures = [...content.querySelectorAll("img")];
  const enlarge = (things, percent) => things.forEach((one) => (one.style.zoom = percent / 100));
  const tooTall = () => slide.scrollHeight > room;
  const tooWide = () => wide.some((one) => one.scrollWidth > one.clientWidth + 1);
  slide.classList.remove("scrolls");
  enlarge(pictures, 100);
  // A smaller size changes where lines break: what fits is found step by step.
  let percent = LARGEST;
  do enlarge([content], percent);
  while ((tooTall() || tooWide()) && (percent -= 5) >= SMALLEST);
  slide.classList.toggle("scrolls", tooTall());
  // The room that is left is the pictures'.
  for (percent = 180; percent > 100 && pictures.length; percent -= 10) {
    enlarge(pictures, percent);
    if (!tooTall()) return;
  }
  enlarge(pictures, 100);
}

async function start() {
  await MathJax.startup.promise;
  await Reveal.initialize({
    width: 1280,
    height: 720,
    margin: 0.04,
    center: false,
    hash: true,
    slideNumber: "c/t",
    transition: "none",
    navigationMode: "linear",
    controlsLayout: "edges",
    scrollActivationWidth: null,
    pdfSeparateFragments: false,
    plugins: [RevealNotes],
  });
  const here = () => fit(Reveal.getCurrentSlide());
  Reveal.on("slidechanged", here);
  for (const image of document.images) image.addEventListener("load", here);
  for (const folded of document.querySelectorAll("details")) folded.addEventListener("toggle", here);
  here();
  document.documentElement.dataset.ready = "";
}

start();
