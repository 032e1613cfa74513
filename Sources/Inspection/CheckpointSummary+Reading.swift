import Checkpoints
import Diagnostics
import Execution
public import Foundation
import GGUF
import GGUFModels
import JSONText
import LanguageModels
import ModelFamilies
import Quantization
import QuantizedCheckpoints
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
    let checkpoint = try Checkpoint.model(opening: folder)
    let configuration = JSONReader(checkpoint.configuration)
    let fields = try CheckpointFamilies.settings(of: configuration)
    let quantized = try naming(checkpoint.configurationFile.path(percentEncoded: false)) {
      try QuantizedLayers(checkpoint, fields)
    }
    let infos = checkpoint.tensorNames.compactMap(checkpoint.info)
    // Blocks are bytes there.
    let file = (checkpoint.made as? GGUFTensors)?.file
    let stored = file?.tensors.map(\.stored) ?? checkpoint.storedTensors

    self.folder = folder.path(percentEncoded: false)
    architecture =
      configuration.value["architectures"]?.arrayValue?.first?.stringValue
      ?? configuration.value["model_type"]?.stringValue ?? "unknown"
    do {
      structure = Structure(
        try Architectures.describe(
          configuration, shapes: checkpoint.tensorShapes, folder: checkpoint.folder.path),
        checkpoint)
    } catch let error as InputError {
      unsupportedReason = error.description
    }
    parameterCount = quantized.parameterCount(infos)
    tensorCount = stored.count
    byteCount = checkpoint.byteCount
    bytesByType = Dictionary(grouping: stored, by: \.dtype)
      .map { TypeShare(dtype: $0, byteCount: $1.reduce(0) { $0 + $1.byteCount }) }
      .sorted { ($1.byteCount, $0.dtype.rawValue) < ($0.byteCount, $1.dtype.rawValue) }
    quantization = try fields.map { try Quantization($0, quantized) }
    if let storage = checkpoint.made?.storage { quantization = Quantization(storage) }
    self.file = file.map(FileContents.init)
    do {
      let tokenizer = try checkpoint.tokenizer()
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
    positionLimit = model.positionLimit
    hasTiedHead = model.end.isTied && !checkpoint.contains(model.end.head.weight.tensor)
  }
}

extension CheckpointSummary.Quantization {
  /// Small floats that are read as numbers.
  fileprivate init(_ storage: SourceStorage) {
    method = storage.method
    readAs = storage.dtypes.first
    ignored = []
    groups = [
      Group(
        scheme: storage.text, layerCount: storage.tensorCount, weightCount: storage.weightCount,
        byteCount: storage.byteCount)
    ]
  }

  fileprivate init(_ fields: JSONReader, _ quantized: QuantizedLayers) throws {
    method =
      try fields.optional("quant_method")?.string() ?? quantized.family?.name ?? "unknown"
    groups = []
    ignored = []
    guard let stored = quantized.stored else { return }
    ignored = stored.ignore
    keysAndValues = stored.keyValueScheme?.text
    for (_, scheme) in stored.groups {
      let sizes = quantized.sizes.filter { quantized.schemes[$0.key] == scheme }.values
      groups.append(
        Group(
          scheme: scheme.summary, layerCount: sizes.count,
          weightCount: sizes.reduce(0) { $0 + $1.weightCount },
          byteCount: sizes.reduce(0) { $0 + $1.byteCount }))
    }
  }
}

/// The quantized layers of a checkpoint, and what their tensors stand for.
private struct QuantizedLayers {
  /// By name, what the family says of each.
  let sizes: [String: (weightCount: Int, byteCount: Int)]
  /// What the configuration says; nil for a family that this package does not read, whose tensors are all counted as they
  /// are.
  private(set) var stored: StoredSchemes?
  /// By layer.
  private(set) var schemes: [String: QuantizationScheme] = [:]
  let family: (any ReadableFamily)?

  init(_ checkpoint: Checkpoint, _ fields: JSONReader?) throws(InputError) {
    family = CheckpointFamilies.known(fields?.value)
    var sizes: [String: (weightCount: Int, byteCount: Int)] = [:]
    if let family, let fields {
      var stored = try family.storedSchemes(
        fields, tensors: checkpoint.tensorNames.compactMap(checkpoint.info))
      let layers = family.layers(in: checkpoint).sorted()
      self.stored = stored
      // What is stored as quantized counts as such.
      stored.ignore = []
      schemes = try stored.schemes(of: layers.map { ModuleDescription(name: $0, shape: []) })
      for layer in layers {
        sizes[layer] = try family.measure(layer, schemes[layer]?.weights, in: checkpoint)
      }
    }
    self.sizes = sizes
  }

  /// The weights that all tensors stand for.
  func parameterCount(_ tensors: [TensorInfo]) -> Int {
    let others = tensors.filter { info in
      guard let family else { return true }
      // What says how to read the weights of a layer is no weight of the model.
      let suffix = info.name.split(separator: ".").last.map(String.init) ?? ""
      return !family.tensorSuffixes.contains(suffix)
        && !family.owners(of: info).contains { sizes[$0] != nil }
    }
    return others.reduce(0) { $0 + $1.count }
      + sizes.values.reduce(0) { $0 + $1.weightCount }
  }
}
