#include "openai/multipart.h"

#include <gtest/gtest.h>

#include <string>

namespace olla::openai {
namespace {

std::string part(std::string_view disposition, std::string_view value) {
  return "--b0undary\r\nContent-Disposition: form-data; " + std::string(disposition) + "\r\n\r\n" +
         std::string(value) + "\r\n";
}

constexpr std::string_view kEnd = "--b0undary--\r\n";

TEST(FormFieldTest, FindsAFieldAmongFiles) {
  constexpr std::string_view audio("RIFF\r\n--b0undar\r\n\r\n\0\xff--b0undary", 31);
  const std::string body = part("name=\"file\"; filename=\"a.wav\"", audio) +
                           part("name=\"model\"", "whisper-1") + part("name=\"language\"", "en") +
                           std::string(kEnd);
  EXPECT_EQ(form_field(body, "model"), "whisper-1");
  EXPECT_EQ(form_field(body, "language"), "en");
  EXPECT_EQ(form_field(body, "file"), std::nullopt) << "a file is no text";
  EXPECT_EQ(form_field(body, "mode"), std::nullopt);
}

TEST(FormFieldTest, TheLastOfSeveralCounts) {
  const std::string body =
      part("name=\"model\"", "a") + part("name=\"model\"", "b") + std::string(kEnd);
  EXPECT_EQ(form_field(body, "model"), "b");
}

TEST(FormFieldTest, TakesTheWaysOfWritingIt) {
  for (const char* head :
       {"Content-Disposition: form-data; name=\"model\"",
        "content-disposition:form-data;name=model",
        "Content-Type: text/plain\r\nCONTENT-DISPOSITION: form-data; NAME=\"model\"; x=y",
        "Content-Disposition: form-data; x=\";name=\"; name=\"model\""}) {
    const std::string body = "--b\r\n" + std::string(head) + "\r\n\r\nm\r\n--b--";
    EXPECT_EQ(form_field(body, "model"), "m") << head;
  }
  EXPECT_EQ(form_field(part("name=\"model\"", "") + std::string(kEnd), "model"), "");
}

TEST(FormFieldTest, OtherBodiesHaveNoFields) {
  for (const char* body :
       {"", "-", "--", "--\r\n", "--b", "--b\r\n", "--b--\r\n", "--b\r\n\r\nm\r\n--b--",
        "{\"model\":\"m\"}", "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm",
        "--b\r\nContent-Disposition: form-data; name=\"model\r\n\r\nm\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name\r\n\r\nm\r\n--b--"})
    EXPECT_EQ(form_field(body, "model"), std::nullopt) << body;
  const std::string long_line = "--" + std::string(1000, 'b') + "\r\n";
  EXPECT_EQ(form_field(long_line, "model"), std::nullopt);
}

TEST(FormFieldTest, AFormThatIsCutOffYieldsWhatWasComplete) {
  const std::string whole = part("name=\"model\"", "m") + part("name=\"n\"", "v");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto found = form_field(std::string_view(whole).substr(0, size), "model");
    EXPECT_EQ(found.value_or("m"), "m");
  }
  EXPECT_EQ(form_field(whole + "--b0undary", "model"), "m");
}

}  // namespace
}  // namespace olla::openai
