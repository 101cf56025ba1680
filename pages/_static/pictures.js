// Draws the Mermaid pictures. The library is large: only pages with a picture load it.
const here = document.currentScript.src;

addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("pre.mermaid")) return;
  const library = document.createElement("script");
  library.src = new URL("mermaid.js", here).href;
  library.onload = () => {
    mermaid.initialize({ startOnLoad: false, theme: "neutral" });
    mermaid.run({ querySelector: "pre.mermaid", postRenderCallback: keepReadable });
  };
  document.head.append(library);
});

// A wide picture shrinks to its column only so far; beyond that it scrolls sideways.
function keepReadable(id) {
  const drawing = document.getElementById(id);
  drawing.style.minWidth = `${0.55 * drawing.viewBox.baseVal.width}px`;
}
