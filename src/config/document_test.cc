#include "config/document.h"

#include <gtest/gtest.h>

namespace olla::config {
namespace {

/// The errors of parsing `yaml`, one per line.
std::string errors_of(std::string_view yaml) {
  Problems problems;
  const ValuePtr root = parse_document(yaml, problems);
  std::string text;
  for (const Problem& problem : problems.take_errors())
    text += to_text(problem, "f") + "\n";
  EXPECT_TRUE(root != nullptr || !text.empty()) << "refused without saying why";
  return text;
}

ValuePtr parsed(std::string_view yaml) {
  Problems problems;
  ValuePtr root = parse_document(yaml, problems);
  EXPECT_TRUE(problems.take_errors().empty());
  return root == nullptr ? std::make_shared<Value>() : root;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out += text;
  return out;
}

TEST(DocumentTest, KeepsTheLinesOfKeysAndItems) {
  const ValuePtr root = parsed("a: 1\n\nlist:\n  - x\n  -\n    y: z\n");
  ASSERT_EQ(root->entries.size(), 2u);
  EXPECT_EQ(root->entries[0].line, 1u);
  EXPECT_EQ(root->entries[1].line, 3u);
  const Value& list = *root->entries[1].value;
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0]->line, 4u);
  EXPECT_EQ(list.items[1]->line, 6u);
}

TEST(DocumentTest, TellsStringsFromPlainText) {
  const ValuePtr root = parsed("[5, '5', \"5\", !!str 5, !!int 5, null, ~, 'null', '']");
  ASSERT_EQ(root->items.size(), 9u);
  const auto is_string = [&](std::size_t i) { return root->items[i]->is_string; };
  EXPECT_FALSE(is_string(0));
  EXPECT_TRUE(is_string(1));
  EXPECT_TRUE(is_string(2));
  EXPECT_TRUE(is_string(3));
  EXPECT_FALSE(is_string(4));
  EXPECT_EQ(root->items[5]->kind, Value::Kind::kNull);
  EXPECT_EQ(root->items[6]->kind, Value::Kind::kNull);
  EXPECT_EQ(root->items[7]->kind, Value::Kind::kScalar);
  EXPECT_EQ(root->items[8]->kind, Value::Kind::kScalar);
}

TEST(DocumentTest, AnEmptyTextIsANull) {
  for (const char* yaml : {"", "\n", "# nothing\n", "---\n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(parsed(yaml)->kind, Value::Kind::kNull) << yaml;
  }
}

TEST(DocumentTest, AliasesStandForTheirAnchors) {
  const ValuePtr root = parsed("a: &x {k: v}\nb: *x\n");
  EXPECT_EQ(root->find("b")->value->find("k")->value->text, "v");
}

TEST(DocumentTest, MergeKeysGiveWayToTheMappingsOwn) {
  const ValuePtr root = parsed(
      "a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc: {<<: *a, k: 3}\nd: {k: 4, <<: [*b, *a]}\n");
  const Value& c = *root->find("c")->value;
  ASSERT_EQ(c.entries.size(), 2u);
  EXPECT_EQ(c.find("k")->value->text, "3");
  EXPECT_EQ(c.find("l")->value->text, "1");
  const Value& d = *root->find("d")->value;
  ASSERT_EQ(d.entries.size(), 3u);
  EXPECT_EQ(d.find("k")->value->text, "4");
  EXPECT_EQ(d.find("l")->value->text, "2");
  EXPECT_EQ(d.find("m")->value->text, "2");
  EXPECT_EQ(errors_of("a: 1\nb:\n  <<: 5\n"), "f:3: << takes a mapping or a list of mappings\n");
}

TEST(DocumentTest, ReportsEveryDuplicateKeyWithBothLines) {
  EXPECT_EQ(errors_of("a: 1\nb:\n  c: 1\n  c: 2\na: 3\nl:\n  - {x: 1, x: 2}\n"),
            "f:4: b.c: is there twice; the first is on line 3\n"
            "f:5: a: is there twice; the first is on line 1\n"
            "f:7: l[0].x: is there twice; the first is on line 7\n");
}

TEST(DocumentTest, SyntaxErrorsHaveTheirLine) {
  for (const char* yaml : {"a: 1\nb: [1, 2\n", "a: 1\n\tb: 2\n", "a: 1\n}\n", "a: 1\nb: *x\n",
                           "a: 1\nb: \"\\q\"\n", "a: 1\nb: @x\n", "a: 1\n b: 2\n"}) {
    SCOPED_TRACE(yaml);
    const std::string errors = errors_of(yaml);
    EXPECT_TRUE(errors.starts_with("f:2: not valid YAML: ") ||
                errors.starts_with("f:3: not valid YAML: "))
        << "got: " << errors;
    EXPECT_EQ(errors.find('\n'), errors.size() - 1);
  }
}

TEST(DocumentTest, AQuoteThatIsNeverClosedIsAnErrorOnItsLine) {
  EXPECT_EQ(errors_of("a: 1\nb: \"x\nc: 1\n"), "f:2: a quote is never closed\n");
  EXPECT_EQ(errors_of("a: 1\nb: 'it''s\n"), "f:2: a quote is never closed\n");
  EXPECT_EQ(errors_of("\xef\xbb\xbf\"\xc3\xa9\": 1\r\nb: \"x\\\"\r\n"),
            "f:2: a quote is never closed\n");
  EXPECT_EQ(errors_of("\xef\xbb\xbf'\xc3\xa9': \"\\\\\"\r\nb: ['it''s', \"\\\"\", a\"b']\r\n"), "");
}

TEST(DocumentTest, OnlyUtf8IsText) {
  const std::string_view utf16(
      "\xff\xfe"
      "a\0:\0 \0x\0",
      10);
  EXPECT_EQ(errors_of(utf16), "f: the file is not UTF-8 text\n");
  EXPECT_EQ(errors_of(utf16.substr(2)), "f: the file is not UTF-8 text\n");
}

TEST(DocumentTest, RefusesWhatNoConfigurationNeeds) {
  EXPECT_EQ(errors_of("a: 1\n---\nb: 2\n"), "f:3: the file holds a second YAML document\n");
  EXPECT_EQ(errors_of("a: 1\nb: !thing 2\n"), "f:2: YAML tags are not used in this file\n");
  EXPECT_EQ(errors_of("a: 1\n? [x]\n: 2\n"), "f:2: a key must be plain text\n");
  EXPECT_EQ(errors_of("a: 1\nb: &x [*x]\n"),
            "f:2: the alias stands inside the value that it names\n");
}

TEST(DocumentTest, TheDepthIsBounded) {
  const auto nested = [](std::size_t depth) { return repeated("[", depth) + repeated("]", depth); };
  EXPECT_EQ(errors_of(nested(kDocumentDepthMax)), "");
  EXPECT_EQ(errors_of(nested(kDocumentDepthMax + 1)), "f:1: nested deeper than 64 levels\n");
  for (const char* piece : {"[", "{", "- ", "? ", ": ", "{a: ", "[{", "? - "}) {
    SCOPED_TRACE(piece);
    EXPECT_NE(errors_of(repeated(piece, 100'000)), "");
  }
}

/// `levels` anchors a0, a1, ...; each but the first holds aliases of the one before, `width` of
/// them.
std::string tower_of_aliases(int levels, std::size_t width) {
  std::string yaml = "a0: &a0 [x]\n";
  for (int i = 1; i < levels; ++i) {
    const std::string name = "a" + std::to_string(i);
    const std::string below = "*a" + std::to_string(i - 1) + ", ";
    for (const std::string& piece : {name, std::string(": &"), name, std::string(" ["),
                                     repeated(below, width), std::string("]\n")})
      yaml += piece;
  }
  return yaml;
}

TEST(DocumentTest, ChainsOfAliasesAreBoundedInDepth) {
  EXPECT_EQ(errors_of(tower_of_aliases(60, 1)), "");
  EXPECT_NE(errors_of(tower_of_aliases(1000, 1)).find("nested deeper than 64 levels"),
            std::string::npos);
}

TEST(DocumentTest, ABombOfAliasesIsRefusedQuickly) {
  EXPECT_EQ(errors_of(tower_of_aliases(5, 10)), "");
  EXPECT_NE(errors_of(tower_of_aliases(30, 10)).find("more than 100000 values"), std::string::npos);
}

TEST(DocumentTest, ABombOfMergesIsRefusedQuickly) {
  std::string yaml = "a: &a {k0: 1";
  for (int i = 1; i < 1000; ++i)
    yaml += ", k" + std::to_string(i) + ": 1";
  yaml += "}\nb: [" + repeated("{<<: *a}, ", 1000) + "]\n";
  EXPECT_EQ(errors_of(yaml), "f:2: the file holds more than 100000 values\n");
}

TEST(DocumentTest, TheSizeIsBounded) {
  EXPECT_EQ(errors_of("#" + std::string(kDocumentBytesMax - 1, 'x')), "");
  EXPECT_EQ(errors_of("#" + std::string(kDocumentBytesMax, 'x')),
            "f: the file is larger than 1048576 bytes\n");
  EXPECT_NE(errors_of("[" + repeated("a,", kDocumentValuesMax) + "]"), "");
}

}  // namespace
}  // namespace olla::config
