import Diagnostics
import Foundation
import GGUF
import Tensors

extension FuzzTarget {
  /// A GGUF file: every tensor as numbers, and the header laid out again.
  static let gguf = FuzzTarget(
    name: "gguf", isJSON: false,
    words: [
      "GGUF", "general.alignment", "general.architecture", "tokenizer.ggml.tokens",
      "\u{9}\0\0\0", "\u{C}\0\0\0", " \0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\u{7F}",
    ]
  ) { bytes in
    let url = scratch.appending(path: "model.gguf")
    write(bytes, to: url)
    let file = try GGUFFile(opening: url)
    var end = 0
    for (info, entry) in zip(file.tensors, file.header.entries) {
      guard entry.offsets.lowerBound >= end, entry.offsets.count == info.byteCount,
        try file.stored(info.name).byteCount == info.byteCount, info.byteCount <= bytes.count
      else { fatalError("a tensor reaches outside its bytes") }
      end = entry.offsets.upperBound
      guard try file.numbers(info.name).shape == info.shape else {
        fatalError("a tensor has another shape than the file says")
      }
    }
    let header = try GGUFHeader(layingOut: file.tensors, metadata: file.metadata)
    // NaN is not equal to itself, but has the same bytes.
    guard header.encoded == file.header.encoded, header.entries == file.header.entries else {
      fatalError("a header is laid out otherwise than it was")
    }
  }
}
