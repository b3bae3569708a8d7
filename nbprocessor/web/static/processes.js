// The search box: shows the cards that hold every word, without reloading.
const box = document.getElementById("search");
if (box) {
  const words = document.getElementById("search-words");
  const count = document.getElementById("search-count");
  const cards = [...document.querySelectorAll("#processes > [data-sought]")];
  const filter = () => {
    const sought = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      card.hidden = !sought.every((word) => card.dataset.sought.includes(word));
      shown += card.hidden ? 0 : 1;
    }
    const { none, one, many } = count.dataset;
    count.textContent = shown === 0 ? none : shown === 1 ? one : many.replace("#", shown);
  };
  box.hidden = false;
  words.addEventListener("input", filter);
  filter();
}
