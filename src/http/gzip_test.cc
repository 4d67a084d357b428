#include "http/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace olla::http {
namespace {

std::string gunzip(const std::string& packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(1 << 20, '\0');
  std::string in = packed;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(GzipTest, ComesOutAsItWentIn) {
  for (const std::string& text : {std::string(), std::string("hello"), std::string(500'000, 'x'),
                                  std::string("\0\xff\n", 3)}) {
    const std::string packed = gzip(text);
    EXPECT_EQ(gunzip(packed), text);
  }
  EXPECT_LT(gzip(std::string(500'000, 'x')).size(), 5000U);
}

bool accepts(std::string_view value) {
  const Field field{"accept-encoding", value};
  return accepts_gzip({&field, 1});
}

TEST(GzipTest, IsForThoseWhoTakeIt) {
  for (const char* value : {"gzip", "GZIP", "deflate, gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1",
                            "gzip ; q=0.001", "x-gzip", "*", "*;q=0, gzip"})
    EXPECT_TRUE(accepts(value)) << value;
  for (const char* value : {"", "identity", "gzip;q=0", "gzip; q=0.000", "gzipped", "br", "*;q=0",
                            "gzip;q=0, *", "*, gzip;q=0"})
    EXPECT_FALSE(accepts(value)) << value;
  EXPECT_FALSE(accepts_gzip({}));
}

}  // namespace
}  // namespace olla::http
