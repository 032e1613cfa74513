import Checkpoints
import Diagnostics
import Foundation
import GGUF
import GGUFModels
import Tensors
import Tokenization

extension FuzzTarget {
  /// A GGUF file: every tensor as numbers, the header laid out again, and what it is as a model.
  static let gguf = FuzzTarget(
    name: "gguf", isJSON: false,
    words: [
      "GGUF", "general.alignment", "general.architecture", "tokenizer.ggml.tokens",
      "llama.block_count", "llama.rope.freq_base", "rope.scaling.type", "tokenizer.ggml.model",
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
    // A file of tensors alone is no model; those of every type of block are such a seed.
    guard file.metadata["general.architecture"] != nil else { return }
    let model = try GGUFModel(opening: url)
    let checkpoint = model.checkpoint
    for name in checkpoint.tensorNames {
      guard let info = checkpoint.info(name), try checkpoint.tensor(name).shape == info.shape else {
        fatalError("a tensor of the model has another shape than is said")
      }
    }
    for document in try model.tokenizerFiles() where document.name == "tokenizer.json" {
      _ = try Tokenizer(Array(document.text.utf8))
    }
  }
}
