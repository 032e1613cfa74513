import Diagnostics
import JSONText
import Reporting

/// What a journal says of one block that is tuned and on the disk.
struct FinishedBlock {
  /// Position in the model, from 0.
  var index: Int
  /// Nil for a block with nothing to quantize.
  var report: BlockReport?
  /// The SHA-256 of each of its tensors in the checkpoint, by name.
  var tensors: [String: String]
  /// What the user was told while it was tuned.
  var warnings: [String]
  /// What the next block reads; nil after the last one.
  var streams: Streams?
  /// What the run had taken by then, in all processes that it was made by.
  var cost: RunCost

  /// The files with the hidden states after the block.
  struct Streams {
    /// Those of the model in full precision.
    var original: ActivationFile
    /// Those of the model as quantized so far.
    var quantized: ActivationFile
  }

  /// A file of activations beside the journal.
  struct ActivationFile {
    var name: String
    /// SHA-256 of its bytes.
    var digest: String
  }

  var json: JSONValue {
    let tensors = tensors.sorted { $0.key < $1.key }
    func json(_ file: ActivationFile) -> JSONValue {
      ["name": .string(file.name), "digest": .string(file.digest)]
    }
    return [
      "block": JSONValue(index),
      "report": report?.json ?? .null,
      "tensors": .object(tensors.map { JSONValue.Member($0.key, .string($0.value)) }),
      "warnings": .array(warnings.map(JSONValue.string)),
      "seconds": JSONValue(cost.seconds), "peak_memory_bytes": JSONValue(cost.peakMemoryByteCount),
      "streams": streams.map { ["original": json($0.original), "quantized": json($0.quantized)] }
        ?? .null,
    ]
  }
}

extension FinishedBlock {
  init(_ reader: JSONReader) throws {
    index = try reader.required("block").int(in: 0...1 << 20)
    report = try reader.optional("report").map { try BlockReport($0) }
    tensors = [:]
    for member in try reader.required("tensors").members() {
      tensors[member.key] = try member.reader.string()
    }
    warnings = try reader.required("warnings").elements().map { try $0.string() }
    cost = RunCost(
      seconds: try reader.required("seconds").double(),
      peakMemoryByteCount: try reader.required("peak_memory_bytes").int(in: 0...Int.max))
    streams = try reader.optional("streams").map {
      Streams(
        original: try ActivationFile($0.required("original")),
        quantized: try ActivationFile($0.required("quantized")))
    }
  }
}

extension FinishedBlock.ActivationFile {
  fileprivate init(_ reader: JSONReader) throws(InputError) {
    let name = try reader.required("name")
    self.name = try name.string()
    guard !self.name.contains("/"), !self.name.hasPrefix(".") else {
      throw name.mismatch("the name of a file")
    }
    digest = try reader.required("digest").string()
  }
}
