// Segments one picture: reads a PPM (P6), writes a PGM whose grey values are class indices, prints each class's share.
//
//   segment picture.ppm classes.pgm

#include <dlk.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Picture {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]
};

constexpr int kMostPixels = 64 * 1024 * 1024;

Picture read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  Picture picture;
  int most = 0;
  file >> magic >> picture.width >> picture.height >> most;
  if (!file || magic != "P6" || most != 255 || file.get() != '\n') {
    throw std::runtime_error(path + " is no PPM of 8 bits (P6) without comments");
  }
  if (picture.width < 1 || picture.height < 1 || picture.width > kMostPixels / picture.height) {
    throw std::runtime_error(path + " has an impossible size");
  }
  picture.rgb.resize(size_t{3} * static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height));
  if (!file.read(reinterpret_cast<char*>(picture.rgb.data()), static_cast<std::streamsize>(picture.rgb.size()))) {
    throw std::runtime_error(path + " is cut short");
  }
  return picture;
}

// For each of `count` places the nearest of `from`, found as Pillow does, so that run.py sees the same pixels.
std::vector<int> nearest(int from, int count) {
  const double step = static_cast<double>(from) / count;
  std::vector<int> places;
  double place = step * 0.5;
  for (int i = 0; i < count; ++i, place += step) places.push_back(static_cast<int>(place));
  return places;
}

std::vector<uint8_t> resize(const Picture& picture, int height, int width) {
  std::vector<uint8_t> pixels;
  const std::vector<int> columns = nearest(picture.width, width);
  for (int y : nearest(picture.height, height)) {
    for (int x : columns) {
      const size_t at = 3 * (static_cast<size_t>(y) * static_cast<size_t>(picture.width) + static_cast<size_t>(x));
      pixels.insert(pixels.end(), &picture.rgb[at], &picture.rgb[at] + 3);
    }
  }
  return pixels;
}

void check(const Network* network, dlk_status status) {
  if (status == DLK_OK) return;
  const std::string more = dlk_last_error(network);
  throw std::runtime_error(more.empty() ? dlk_status_text(status) : more);
}

void segment(const std::string& input, const std::string& output) {
  if (dlk_abi_version() != DLK_ABI_VERSION) throw std::runtime_error("dlk.h and the library have different versions");
  const std::unique_ptr<Network, void (*)(Network*)> network(network_create(), network_delete);
  check(network.get(), dlk_init(network.get()));
  int32_t in[4];
  int32_t out[4];
  network_get_input_shape(network.get(), in);
  network_get_output_shape(network.get(), out);

  const std::vector<uint8_t> pixels = resize(read_ppm(input), in[1], in[2]);
  std::vector<uint8_t> classes(static_cast<size_t>(out[1]) * static_cast<size_t>(out[2]));
  check(network.get(), dlk_run_classes(network.get(), pixels.data(), classes.data()));

  std::ofstream file(output, std::ios::binary);
  file << "P5\n" << out[2] << ' ' << out[1] << "\n255\n";
  file.write(reinterpret_cast<const char*>(classes.data()), static_cast<std::streamsize>(classes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + output);

  std::vector<int> counts(256);
  for (uint8_t c : classes) ++counts[c];
  for (int32_t c = 0; c < dlk_class_count(); ++c) {
    std::printf("%s %.4f\n", dlk_class_name(c), counts[static_cast<size_t>(c)] / static_cast<double>(classes.size()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: segment picture.ppm classes.pgm\n");
    return 1;
  }
  try {
    segment(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
