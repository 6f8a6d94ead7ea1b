"use strict";
// Tables sort by the column whose heading is pressed, a second press turns them round; tables and charts can be saved.
const page = {
  save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], {type}));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
  /// A file's name from a title, with letters of any script.
  file_name(title, ending) {
    const name = title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
    return (name || "data") + ending;
  },
  csv(rows) {
    const field = (value) => /[",\r\n]/.test(value) ? '"' + value.replace(/"/g, '""') + '"' : value;
    return rows.map((row) => row.map((value) => field(String(value ?? ""))).join(",") + "\n").join("");
  },
  button(text, label, press) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", press);
    return button;
  },
  tools(...buttons) {
    const tools = document.createElement("div");
    tools.className = "tools";
    tools.append(...buttons);
    return tools;
  },
};

for (const table of document.querySelectorAll("table.sorts"))
  for (const button of table.querySelectorAll("th button"))
    button.addEventListener("click", () => {
      const head = button.closest("th"), body = table.tBodies[0], at = head.cellIndex;
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const th of table.tHead.rows[0].cells) th.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      // A cell without a number stays at the end, whichever way round.
      const key = (row) => {
        const text = row.cells[at].dataset.sort;
        return text === "" || text === "-" ? NaN : isNaN(text) ? text : +text;
      };
      const none = (value) => value !== value;
      [...body.rows].sort((a, b) => {
        const x = key(a), y = key(b);
        if (none(x) || none(y)) return none(x) - none(y);
        return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
      }).forEach((row) => body.append(row));
    });

for (const holder of document.querySelectorAll("div.table")) {
  const table = holder.querySelector("table"), title = holder.dataset.title;
  holder.append(page.tools(page.button("CSV", `Save the table "${title}" as CSV`, () => {
    const rows = [...table.rows].map((row) => [...row.cells].map((cell) => cell.dataset.sort ?? cell.textContent));
    page.save(page.file_name(title, ".csv"), "text/csv", page.csv(rows));
  })));
}
