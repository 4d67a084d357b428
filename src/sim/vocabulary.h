#pragma once

#include <span>
#include <string_view>

namespace olla::sim {

/// The words that are one token each, separated by white space. A token's id follows from a word's
/// place in this list, so new words go to its end.
extern const std::string_view kVocabularyWords;

/// Pieces of words, for the words that the list lacks. Fixed: the ids of the words follow these.
extern const std::string_view kVocabularyPieces;

/// What is one token but is never read as one from a text: the marks around thoughts and calls of
/// tools, and the parts of scripted answers. Their ids follow those of the words.
extern const std::span<const std::string_view> kVocabularyPhrases;

}  // namespace olla::sim
