import Checkpoints
import Foundation
import JSONText
import Quantization
import Tensors
import TestSupport
import Testing

/// One fake-quantization case of `Tests/Fixtures/quant`, whose README says what the tensors are.
struct OracleCase: Sendable, CustomTestStringConvertible {
  let fileName: String
  let name: String
  let arguments: QuantizationArguments
  let scaleDType: DType

  var testDescription: String { "\(fileName) \(name)" }

  static let folder = Fixtures.folder.appending(path: "quant")

  /// All integer cases.
  static let integers: [OracleCase] = {
    do {
      let index = JSONReader(try .parse(contentsOf: folder.appending(path: "index.json")))
      return try index.elements().flatMap { file in
        try file.required("cases").members().compactMap { name, fields in
          guard fields.value["data_type"]?.stringValue == "int" else { return nil }
          let size = try fields.required("group_size").int()
          let strategy: QuantizationArguments.Strategy =
            size == 0 ? .tensor : size == -1 ? .channel : .group
          return OracleCase(
            fileName: try file.required("file").string(), name: name,
            arguments: QuantizationArguments(
              bitCount: try fields.required("bits").int(),
              isSymmetric: try fields.required("sym").bool(), strategy: strategy,
              groupSize: strategy == .group ? size : nil),
            scaleDType: try fields.required("scale_dtype").string() == "float32"
              ? .float32 : .float16)
        }
      }
    } catch {
      Issue.record(error)
      return []
    }
  }()

  private var suffix: String { name.hasSuffix(".bf16") ? "bf16" : "f32" }

  /// The tensors of the case.
  struct Tensors {
    let weight: Tensor
    /// V, alpha, beta; V without the padding of each row's last group.
    let values, alpha, beta: [Float]
    let gradient: [Float]
    let quantized, scale: Tensor
    let zeroPoint: Tensor?
    let valuesGradient, alphaGradient, betaGradient: [Float]
  }

  func load() throws -> Tensors {
    let file = try SafetensorsFile(opening: Self.folder.appending(path: fileName))
    let weight = try file.tensor("in.weight_\(suffix)")
    func values(_ name: String) throws -> [Float] {
      let tensor = try file.tensor(name)
      let columns = weight.shape[1]
      let padded = tensor.count / weight.shape[0]
      let all = tensor.floats()
      return (0..<weight.shape[0]).flatMap { all[$0 * padded..<$0 * padded + columns] }
    }
    // The reference's gradient arrives in the type of the weight.
    let gradient = try file.tensor("in.g").converted(to: weight.dtype).floats()
    return Tensors(
      weight: weight, values: try values("in.value"),
      alpha: try file.tensor("in.min_scale").floats(),
      beta: try file.tensor("in.max_scale").floats(), gradient: gradient,
      quantized: try file.tensor("\(name).qdq"), scale: try file.tensor("\(name).scale"),
      zeroPoint: arguments.isSymmetric ? nil : try file.tensor("\(name).zp"),
      valuesGradient: try values("\(name).d_value"),
      alphaGradient: try file.tensor("\(name).d_min_scale").floats(),
      betaGradient: try file.tensor("\(name).d_max_scale").floats())
  }
}

extension HostWeightQuantizer {
  /// The weight of the current parameters.
  func quantized(to dtype: DType) -> Tensor {
    var result = Tensor(zeros: [rows, columns], dtype: dtype)
    result.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      quantizeDequantize(into: base, dtype: dtype, rowStride: columns)
    }
    return result
  }
}
