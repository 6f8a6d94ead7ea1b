#pragma once
// Charts and tables on a page: what a reader without scripts sees, and what page.js and chart.js make more of it from.

#include "apps/report/curve.h"

namespace seqtape {

/// A chart, its words, and the numbers behind it; chart.js then shows values under the pointer and offers them as a
/// file. Of a curve of more than 1,000 points, the least and the greatest of as many stretches are kept; `words` then
/// ends by saying so.
std::string figure_html(std::vector<Curve>, const ChartOptions&, const std::string& words);

/// Figures side by side, where the screen is wide enough; "" of none.
std::string figures_html(const std::string& figures);

/// A cell of a table.
struct TableCell {
  std::string text{};
  Json value{};          ///< what it sorts by and what the downloaded file has: a number, or null: the text
  double shade = -1;     ///< 0 to 1: how dark it is; below 0: it is not shaded
  std::string html{};    ///< instead of the text
  bool heading = false;  ///< names its row
  bool wraps = false;    ///< a text of several words
};

struct PageTable {
  std::string title;  ///< also the name of the file
  std::vector<std::string> headings{};
  std::vector<std::vector<TableCell>> rows{};
  std::string words{};
  enum class Kind {
    sorts,  ///< by the column whose heading is pressed; the first row is the best
    plain,  ///< likewise, and no row is better than another
    matrix  ///< rows and columns have their places
  } kind = Kind::plain;
};
std::string table_html(const PageTable&);

/// A complete page, which asks the network for nothing. `lead` and `sections` are HTML.
std::string page_html(const std::string& title, const std::string& lead, const std::string& sections);

/// A part of a page, with an entry among the page's links.
struct PageSection {
  std::string id, title, html;
};
/// The sections that hold something, after links to them.
std::string sections_html(const std::vector<PageSection>&);

}  // namespace seqtape
