// Names and roles that screen readers miss in what Sphinx and the theme write.
document.addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll("nav summary")) {
    const entry = summary.closest("li")?.querySelector("a");
    summary.setAttribute("aria-label", `Pages of ${entry ? entry.textContent.trim() : "this section"}`);
  }
  // the label says what people see: "Search" and the keys, which a phone hides
  for (const button of document.querySelectorAll("button.search-button-field")) {
    button.setAttribute("aria-label", button.textContent.replace(/\s+/g, " ").trim());
  }
  // roles of references that are deprecated, and a list whose children are no list items
  for (const element of document.querySelectorAll(".citation-list, .citation-list [role]")) {
    element.removeAttribute("role");
  }
});
