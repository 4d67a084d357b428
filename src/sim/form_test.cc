#include "sim/form.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=xyz";
constexpr std::string_view kBody =
    "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model.wav\"\r\n"
    "Content-Type: audio/wav\r\n\r\nRIFF\r\n\r\n--xy\r\n"
    "--xyz\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n"
    "--xyz\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--xyz--\r\n";

TEST(FormTest, FindsFieldsByTheirNames) {
  EXPECT_EQ(form_field(kType, kBody, "model"), "whisper");
  EXPECT_EQ(form_field(kType, kBody, "file"), "RIFF\r\n\r\n--xy");
  EXPECT_EQ(form_field(kType, kBody, "empty"), "");
  EXPECT_EQ(form_field(kType, kBody, "filename"), std::nullopt);
  EXPECT_EQ(form_field("Multipart/Form-Data; charset=x; Boundary=\"xyz\"", kBody, "model"),
            "whisper");
}

TEST(FormTest, TakesNothingFromWhatIsNoForm) {
  EXPECT_EQ(form_field("application/json", kBody, "model"), std::nullopt);
  EXPECT_EQ(form_field("multipart/form-data", kBody, "model"), std::nullopt);
  EXPECT_EQ(form_field("multipart/form-data; boundary=other", kBody, "model"), std::nullopt);
  EXPECT_EQ(form_field("multipart/form-data; boundary=\"", kBody, "model"), std::nullopt);
  for (std::size_t size = 0; size < kBody.find("whisper"); ++size) {
    EXPECT_EQ(form_field(kType, kBody.substr(0, size), "model"), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace olla::sim
