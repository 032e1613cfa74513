import Checkpoints
import CompressedTensors
import Diagnostics
public import Foundation
import JSONText
import LanguageModels
import Quantization
import Tensors
import Tokenization

extension CheckpointSummary {
  /// Looks at a checkpoint's configuration, the headers of its tensor files, and its tokenizer.
  ///
  /// An architecture, a quantization method or a tokenizer that this package does not read is no
  /// error: the summary says so.
  ///
  /// - Throws: `InputError` if the folder is not that of a checkpoint, or contradicts itself.
  public init(opening folder: URL) throws {
    let checkpoint = try Checkpoint(opening: folder)
    let configuration = JSONReader(checkpoint.configuration)
    let quantized = QuantizedTensors(checkpoint)
    let infos = checkpoint.tensorNames.compactMap(checkpoint.info)

    self.folder = folder.path(percentEncoded: false)
    architecture =
      configuration.value["architectures"]?.arrayValue?.first?.stringValue
      ?? configuration.value["model_type"]?.stringValue ?? "unknown"
    do {
      structure = Structure(try Architectures.describe(configuration), checkpoint)
    } catch let error as InputError {
      unsupportedReason = error.description
    }
    parameterCount = try infos.reduce(0) { $0 + (try quantized.parameterCount($1, in: checkpoint)) }
    tensorCount = infos.count
    byteCount = checkpoint.byteCount
    bytesByType = Dictionary(grouping: infos, by: \.dtype)
      .map { TypeShare(dtype: $0, byteCount: $1.reduce(0) { $0 + $1.byteCount }) }
      .sorted { ($1.byteCount, $0.dtype.rawValue) < ($0.byteCount, $1.dtype.rawValue) }
    quantization = try configuration.optional("quantization_config").map { fields in
      try naming(folder.appending(path: "config.json").path(percentEncoded: false)) {
        try Quantization(fields, quantized, checkpoint)
      }
    }
    do {
      let tokenizer = try Tokenizer(folder: folder)
      self.tokenizer = TokenizerSummary(
        vocabularySize: tokenizer.vocabularySize, remarks: tokenizer.remarks)
    } catch {
      tokenizerProblem = error.description
    }
  }
}

extension CheckpointSummary.Structure {
  fileprivate init(_ model: ModelDescription, _ checkpoint: Checkpoint) {
    blockCount = model.blocks.count
    hiddenSize = model.hiddenSize
    vocabularySize = model.vocabularySize
    maximumPositions = model.maximumPositions
    hasTiedHead = model.end.isTied && !checkpoint.contains(model.end.head.weight.tensor)
  }
}

extension CheckpointSummary.Quantization {
  fileprivate init(
    _ fields: JSONReader, _ quantized: QuantizedTensors, _ checkpoint: Checkpoint
  ) throws {
    method = try fields.optional("quant_method")?.string() ?? "unknown"
    groups = []
    ignored = []
    guard method == "compressed-tensors" else { return }
    let configuration = try CompressedTensorsConfiguration(fields: fields)
    ignored = configuration.ignore
    keysAndValues = configuration.keyValueCacheScheme?.text
    let resolution = try SchemeResolution.resolve(
      groups: configuration.namedGroups, ignore: [],
      modules: quantized.layers.map { ModuleDescription(name: $0, shape: []) })
    for scheme in configuration.groups {
      let layers = quantized.layers.filter { resolution.schemes[$0] == scheme }
      groups.append(
        Group(
          scheme: scheme.summary, layerCount: layers.count,
          weightCount: try layers.reduce(0) {
            $0 + (try quantized.weightCount($1, in: checkpoint))
          },
          byteCount: layers.reduce(0) { $0 + quantized.byteCount($1, in: checkpoint) }))
    }
  }
}

/// The quantized layers of a checkpoint, and what their tensors stand for.
private struct QuantizedTensors {
  /// The names of the layers, sorted.
  let layers: [String]
  private let names: Set<String>

  private static let weights = ["weight", "weight_packed"]
  /// Tensors that say how to read others: they are no weights of the model.
  private static let parameters = [
    "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx", "weight_global_scale",
    "input_scale", "input_zero_point", "input_global_scale", "k_scale", "v_scale",
  ]

  package init(_ checkpoint: Checkpoint) {
    let scale = ".weight_scale"
    layers = checkpoint.tensorNames.filter { $0.hasSuffix(scale) }
      .map { String($0.dropLast(scale.count)) }.sorted()
    names = Set(layers)
  }

  /// Rows times columns of a layer's weight.
  func weightCount(_ layer: String, in checkpoint: Checkpoint) throws -> Int {
    if let plain = checkpoint.info("\(layer).weight") { return plain.count }
    guard let packed = checkpoint.info("\(layer).weight_packed") else { return 0 }
    // A byte holds two numbers; words hold as many as the shape beside them says.
    if packed.dtype == .uint8 { return 2 * packed.count }
    let name = "\(layer).weight_shape"
    func malformed(_ message: String) -> InputError {
      InputError(
        .malformed, source: checkpoint.folder.path(percentEncoded: false), place: name, message)
    }
    let shape = try checkpoint.tensor(name)
    guard shape.dtype == .int64, shape.shape == [2] else {
      throw malformed("is \(shape.dtype.rawValue) \(shape.shape), expected i64 [2]")
    }
    let sizes = shape.elements(as: Int64.self)
    let (count, overflow) = sizes[0].multipliedReportingOverflow(by: sizes[1])
    // A number takes a bit at the least, so that no sum of such counts exceeds what files can hold.
    guard sizes[0] > 0, sizes[1] > 0, !overflow, count <= 8 * packed.byteCount else {
      throw malformed(
        "says \(sizes[0]) by \(sizes[1]), which the \(packed.byteCount) bytes of its weight cannot be"
      )
    }
    return Int(count)
  }

  /// Bytes of a layer's codes, scales and zero points.
  func byteCount(_ layer: String, in checkpoint: Checkpoint) -> Int {
    (Self.weights + ["weight_scale", "weight_zero_point", "weight_global_scale", "weight_g_idx"])
      .compactMap { checkpoint.info("\(layer).\($0)")?.byteCount }.reduce(0, +)
  }

  /// The weights that a tensor stands for.
  func parameterCount(_ info: TensorInfo, in checkpoint: Checkpoint) throws -> Int {
    for suffix in Self.weights where info.name.hasSuffix(".\(suffix)") {
      let layer = String(info.name.dropLast(suffix.count + 1))
      if names.contains(layer) { return try weightCount(layer, in: checkpoint) }
    }
    return Self.parameters.contains { info.name.hasSuffix(".\($0)") } ? 0 : info.count
  }
}

extension TensorInfo {
  // A checkpoint that could be opened has tensors whose sizes were checked.
  fileprivate var count: Int { shape.reduce(1, *) }
}
