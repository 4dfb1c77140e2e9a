// Columns of text for a terminal.
//
// Thread safety: none.
#pragma once

#include <string>
#include <vector>

namespace command {

class Table {
 public:
  struct Column {
    std::string title;
    bool is_right = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// REQUIRES: as many words as columns, without anything that a terminal would act upon.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// With the titles, two spaces between columns, and no spaces at the ends of lines.
  std::vector<std::string> lines() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace command
