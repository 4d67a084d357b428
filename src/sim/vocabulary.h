#pragma once

#include <string_view>

namespace olla::sim {

/// The words that are one token each, separated by white space. A token's id follows from a word's
/// place in this list, so new words go to its end.
extern const std::string_view kVocabularyWords;

/// Pieces of words, for the words that the list lacks. Fixed: the ids of the words follow these.
extern const std::string_view kVocabularyPieces;

}  // namespace olla::sim
