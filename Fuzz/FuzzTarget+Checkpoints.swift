import AutoRound
import Checkpoints
import Diagnostics
import Execution
import Foundation
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import Verification

/// Targets that read a whole folder. An input is a document with the folder's files:
///
/// ```
/// {"files": {"config.json": ..., "model.safetensors": {"header": ..., "data": "00ff"}}, "source": ...}
/// ```
///
/// Files of tensors have their bytes in hexadecimal digits, and as many zeros as `zeros` says; other files are
/// text or JSON.
extension FuzzTarget {
  static let checkpointWords = [
    "model.safetensors", "model.safetensors.index.json", "SHA256SUMS", "quantization_report.json",
    "config_groups", "pack-quantized", "int-quantized", "float-quantized", "mxfp8-quantized",
    "nvfp4-pack-quantized", "mxfp4-pack-quantized", "block_structure", "group_size", "tensor_group",
    "channel", "block", "tensor", "re:.*", "re:(a+)+$", "re:(?P<a>x)", "aaaaaaaaaaaaaaaaaaaaaaaaa",
    "weight_packed", "weight_zero_point", "weight_global_scale", "kv_cache_scheme", "[0,4]", "I32",
    "weight_block_size", "weight_scale_inv", "quant_method", "mxfp4", "_blocks", "_scales", "dtype",
    "F8_E4M3", "F8_E8M0", "U8", "4611686018427387904", "ff", "7fc0", "qweight", "qzeros", "g_idx",
    "checkpoint_format", "gptq_v2", "packing_format", "dynamic", "extra_config", "desc_act",
  ]

  /// What `verify` reads, with and without a source.
  static let verify = FuzzTarget(name: "verify", corpus: "checkpoint", words: checkpointWords) {
    bytes in
    let document = try JSONValue.parse(bytes)
    try withFolders(document) { folder, source in
      let report = Verifier(folder, source: source).run()
      guard try JSONValue.parse(report.json.text()) == report.json else {
        fatalError("a report does not read back from its own text")
      }
      _ = report.lines
    }
  }

  /// The readers of all layouts: every layer that a configuration claims, as numbers.
  static let layers = FuzzTarget(name: "layers", corpus: "checkpoint", words: checkpointWords) {
    bytes in
    try withFolders(try JSONValue.parse(bytes)) { folder, _ in
      let checkpoint = try Checkpoint(opening: folder)
      let names = Set(
        checkpoint.tensorNames.compactMap { name in
          name.lastIndex(of: ".").map { String(name[..<$0]) }
        })
      let quantized = try DequantizedCheckpoint(
        checkpoint, modules: names.sorted().map { ModuleDescription(name: $0, shape: [8, 16]) })
      for module in quantized.schemes.keys.sorted() {
        guard let weight = try? quantized.weight(named: "\(module).weight") else { continue }
        guard weight.shape.count == 2, weight.byteCount < 1 << 20 else {
          fatalError("a weight of \(weight.shape) out of a few bytes")
        }
      }
    }
  }

  /// Sources in small floats and quantized ones: every tensor as numbers.
  static let widened = FuzzTarget(name: "widened", corpus: "checkpoint", words: checkpointWords) {
    bytes in
    try withFolders(try JSONValue.parse(bytes)) { folder, source in
      let checkpoint = try Checkpoint.source(opening: source ?? folder)
      for name in checkpoint.tensorNames {
        guard let info = checkpoint.info(name), let tensor = try? checkpoint.tensor(name) else {
          continue
        }
        guard tensor.shape == info.shape, tensor.dtype == info.dtype, tensor.byteCount < 1 << 24
        else { fatalError("a tensor of \(tensor.shape) for \(info)") }
      }
    }
  }

  /// The front matter of a source's README.md.
  static let card = FuzzTarget(
    name: "card", isJSON: false,
    words: [
      "---", "license:", "license_name: ", "language:\n- en", "\r\n", "# ", "  - ", "\u{FEFF}",
    ]
  ) { bytes in
    let lines = SourceCard.frontMatter(Data(bytes))
    guard lines.allSatisfy({ !$0.hasPrefix("---") && !$0.contains(where: \.isNewline) }) else {
      fatalError("a line of front matter ends it")
    }
  }

  /// Writes the files of `document` into two folders, the second if it has a source.
  static func withFolders(
    _ document: JSONValue, _ body: (URL, _ source: URL?) throws -> Void
  ) throws {
    let folders = ["files", "source"].map { scratch.appending(path: $0) }
    for folder in folders { try? FileManager.default.removeItem(at: folder) }
    for (folder, key) in zip(folders, ["files", "source"]) {
      guard let files = document[key]?.objectValue else { continue }
      mkdir(folder.path, 0o700)
      for file in files.prefix(8) where isPlain(file.key) {
        let bytes =
          file.value["header"].map { tensorFile($0, file.value) }
          ?? Array((file.value.stringValue ?? file.value.text()).utf8)
        write(bytes, to: folder.appending(path: file.key))
      }
    }
    try body(folders[0], document["source"]?.objectValue == nil ? nil : folders[1])
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count < 64 && !name.hasPrefix(".")
      && name.utf8.allSatisfy { $0 != 0x2F && $0 >= 0x20 }
  }

  private static func tensorFile(_ header: JSONValue, _ file: JSONValue) -> [UInt8] {
    let text = Array(header.text().utf8)
    let digits = (file["data"]?.stringValue ?? "").utf8.map { UInt8($0 & 15) + ($0 > 57 ? 9 : 0) }
    let data = stride(from: 0, to: digits.count - 1, by: 2).map {
      digits[$0] << 4 | digits[$0 + 1] & 15
    }
    let size = file["size"]?.intValue ?? text.count
    let zeros = max(0, min(file["zeros"]?.intValue ?? 0, 1 << 20))
    return (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } + text + data
      + [UInt8](repeating: 0, count: zeros)
  }
}
