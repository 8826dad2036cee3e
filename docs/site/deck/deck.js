// Starts the deck. Each slide is shown as large as it fits; what does not fit at all scrolls.
const LARGEST = 120; // percent
const SMALLEST = 60;

function fit(slide) {
  const content = slide && slide.querySelector(":scope > .fit");
  if (!content) return;
  const room = Reveal.getConfig().height;
  const code = [...content.querySelectorAll(".input pre, .output_markdown pre")];
  const tooTall = () => slide.scrollHeight > room;
  const tooWide = () => code.some((one) => one.scrollWidth > one.clientWidth + 1);
  slide.classList.remove("scrolls");
  // A smaller size changes where lines break: what fits is found step by step.
  for (let percent = LARGEST; percent >= SMALLEST; percent -= 5) {
    content.style.zoom = percent / 100;
    if (!tooTall() && !tooWide()) return;
  }
  slide.classList.toggle("scrolls", tooTall());
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
