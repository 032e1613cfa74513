import Diagnostics
import Foundation
import JSONText

/// The tensors of a source as its configuration says that they are to be read.
struct SourceTensors {
  private(set) var tensors: [String: SourceTensor] = [:]
  private let stored: [String: StoredTensor]
  private let dtype: String

  init(_ source: Verifier.Source, _ report: inout VerificationReport) {
    guard case .folder(let folder) = source else {
      (stored, dtype) = ([:], "")
      if case .tensors(let read) = source { for tensor in read { tensors[tensor.name] = tensor } }
      return
    }
    stored = StoredTensors(source: folder, &report).tensors
    let configuration = try? JSONValue.parse(
      contentsOf: folder.appending(path: "config.json"), limit: configurationByteCountLimit)
    dtype = Self.dtype(configuration)
    let quantization = configuration?["quantization_config"]
    let sizes = quantization?["weight_block_size"]?.arrayValue?.compactMap(\.intValue) ?? []
    switch quantization?["quant_method"]?.stringValue {
    case "fp8" where sizes.count == 2 && sizes.allSatisfy { (1...1 << 31).contains($0) }:
      addFloats((sizes[0], sizes[1]), &report)
    case "fp8" where [nil, .null].contains(quantization?["weight_block_size"]):
      addFloats(nil, &report)
    case "mxfp4": addGroups(&report)
    default:
      let weights = configuration.flatMap { QuantizedSource($0, stored) }
      tensors = weights?.tensors(dtype: dtype) ?? stored.mapValues { SourceTensor($0) }
    }
  }

  /// - Parameter block: Nil where each matrix has one scale.
  private mutating func addFloats(
    _ block: (rows: Int, columns: Int)?, _ report: inout VerificationReport
  ) {
    for (name, tensor) in stored where !isScale(name, ofMatrices: block == nil) {
      guard tensor.dtype == "F8_E4M3" else {
        tensors[name] = SourceTensor(tensor)
        continue
      }
      let shape = tensor.shape
      let last = shape.suffix(2).map { max($0, 1) }
      let (rows, columns) = block ?? (last.first ?? 1, last.last ?? 1)
      var expected = shape
      for (axis, size) in [(shape.count - 2, rows), (shape.count - 1, columns)] where axis >= 0 {
        expected[axis] = shape[axis] / size + (shape[axis] % size == 0 ? 0 : 1)
      }
      let scales =
        stored[name + "_scale_inv"] ?? (block == nil ? stored[name + "_scale"] : nil)
      let count = scales?.shape.reduce(1, *)
      guard shape.count >= 2, let scales,
        scales.shape == expected
          || block == nil && scales.shape.count <= max(shape.count - 2, 1)
            && count == expected.reduce(1, *),
        let numbers = scales.floats
      else {
        report.add(.damage, name, "has no scales for blocks of \(rows) x \(columns) in the source")
        continue
      }
      tensors[name] = SourceTensor(
        name, .blocks(tensor, rows: rows, columns: columns, scales: numbers), dtype: dtype,
        shape: shape)
    }
  }

  /// Whether a tensor is no more than a scale of another one.
  private func isScale(_ name: String, ofMatrices: Bool) -> Bool {
    let suffixes = ["input_scale", "activation_scale", "weight_scale"]
    return name.hasSuffix("_scale_inv")
      || ofMatrices
        && suffixes.contains { suffix in
          name.hasSuffix(".\(suffix)")
            && stored["\(name.dropLast(suffix.count))weight"]?.dtype == "F8_E4M3"
        }
  }

  private mutating func addGroups(_ report: inout VerificationReport) {
    for (name, tensor) in stored where !name.hasSuffix("_scales") {
      guard name.hasSuffix("_blocks") else {
        tensors[name] = SourceTensor(tensor)
        continue
      }
      let dense = String(name.dropLast("_blocks".count))
      let sizes = tensor.shape
      guard sizes.count == 4, sizes[3] == 16, tensor.dtype == "U8", sizes[2] <= 1 << 40,
        let exponents = stored[dense + "_scales"], exponents.dtype == "U8",
        exponents.shape == Array(sizes.dropLast())
      else {
        report.add(.damage, name, "has no scales for groups of 32 in the source")
        continue
      }
      tensors[dense] = SourceTensor(
        dense, .turnedGroups(tensor, exponents: exponents), dtype: dtype,
        shape: [sizes[0], sizes[2] * 32, sizes[1]])
    }
  }

  /// The type of the model's numbers as files call it; bf16 where nothing is said.
  private static func dtype(_ configuration: JSONValue?) -> String {
    let names = [configuration, configuration?["text_config"]].flatMap {
      [$0?["dtype"]?.stringValue, $0?["torch_dtype"]?.stringValue]
    }
    let types = ["bfloat16": "BF16", "float16": "F16", "float32": "F32"]
    return names.compactMap(\.self).first.flatMap { types[$0] } ?? "BF16"
  }
}
