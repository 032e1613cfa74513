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
    let method = method
    guard let family = CheckpointFamilies.all.first(where: { $0.name == method }) else { return }
    let stored = try family.storedSchemes(fields)
    ignored = stored.ignore
    keysAndValues = stored.keyValueScheme?.text
    let resolution = try SchemeResolution.resolve(
      groups: stored.groups, ignore: [],
      modules: quantized.layers.map { ModuleDescription(name: $0, shape: []) })
    for (_, scheme) in stored.groups {
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

  private static let elements: [TensorSuffix] = [.weight, .packed]

  init(_ checkpoint: Checkpoint) {
    names = CompressedTensors.layers(among: checkpoint.tensorNames)
    layers = names.sorted()
  }

  /// Rows times columns of a layer's weight.
  func weightCount(_ layer: String, in checkpoint: Checkpoint) throws -> Int {
    if let plain = checkpoint.info(TensorSuffix.weight.name(of: layer)) { return plain.count }
    guard let packed = checkpoint.info(TensorSuffix.packed.name(of: layer)) else { return 0 }
    // A byte holds two numbers; words hold as many as the shape beside them says.
    if packed.dtype == .uint8 { return 2 * packed.count }
    let name = TensorSuffix.shape.name(of: layer)
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
    TensorSuffix.partsOfWeight.filter { $0 != .shape }
      .compactMap { checkpoint.info($0.name(of: layer))?.byteCount }.reduce(0, +)
  }

  /// The weights that a tensor stands for.
  func parameterCount(_ info: TensorInfo, in checkpoint: Checkpoint) throws -> Int {
    for layer in Self.elements.compactMap({ $0.module(of: info.name) }) where names.contains(layer)
    {
      return try weightCount(layer, in: checkpoint)
    }
    // All others but the elements say how to read those: they are no weights of the model.
    let isParameter = TensorSuffix.allCases.contains {
      !Self.elements.contains($0) && $0.ends(info.name)
    }
    return isParameter ? 0 : info.count
  }
}

extension TensorInfo {
  // A checkpoint that could be opened has tensors whose sizes were checked.
  fileprivate var count: Int { shape.reduce(1, *) }
}
