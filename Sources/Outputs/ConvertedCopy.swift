import Checkpoints
import Diagnostics
import Execution
import Foundation
import GGUFModels
import JSONText
import LanguageModels
import Quantization
import QuantizedCheckpoints
import Tensors
import Verification

/// A quantized checkpoint, or a file of llama.cpp, as it will be in another format of checkpoints.
struct ConvertedCopy: OutputCopy {
  let format: ConversionFormat
  let plan: CheckpointPlan
  let bitsPerWeight: Double
  let layerCount: Int
  let remarks: [String]
  /// What it is made of; of weights as numbers, a checkpoint that has them.
  private let source: Checkpoint
  /// Nil for weights as numbers.
  private let layers: FittedLayers?
  private let outline: CheckpointOutline

  /// - Parameter mayRoundAgain: Whether layers whose numbers the format does not hold are rounded once more.
  /// - Throws: `unsupported` for a layer whose numbers the format cannot hold.
  init(
    of checkpoint: Checkpoint, as format: ConversionFormat, mayRoundAgain: Bool,
    shardByteCountLimit: Int
  ) throws(InputError) {
    self.format = format
    let weightCount: Int
    if format.kind == .layout(.dense) {
      source = try checkpoint.made == nil ? DequantizedCheckpoint(checkpoint).dense : checkpoint
      try source.requireOwnTensors()
      (layers, remarks) = (nil, [])
      weightCount = source.made?.storage.weightCount ?? 0
      layerCount = source.made?.storage.tensorCount ?? 0
      var outline = CheckpointOutline(configuration: source.configuration)
      for info in source.tensorNames.compactMap(source.info) {
        outline.copy(info, at: TensorPlace(tensor: info.name))
      }
      self.outline = outline
    } else {
      source = checkpoint
      let stored: any StoredLayers
      var quantized: DequantizedCheckpoint?
      if let file = checkpoint.made as? GGUFTensors {
        stored = try FileLayers(of: checkpoint, file, asBlocks: false).notEmpty
      } else {
        let own = try DequantizedCheckpoint(checkpoint)
        (stored, quantized) = (own, own)
      }
      let layers = try FittedLayers(stored, to: format, mayRoundAgain: mayRoundAgain)
      (self.layers, remarks) = (layers, layers.remarks)
      weightCount = layers.weightCount
      layerCount = layers.schemes.count
      var outline = try Self.outline(layers, of: checkpoint, keyValues: stored.keyValueScheme)
      // A family's own configuration stays as it was, but for the layout.
      if case .layout(let layout) = format.kind, let quantized,
        quantized.family.name == layers.family.name, layers.isUnchanged
      {
        outline.configuration = layers.family.configuration(
          checkpoint.configuration, storedAs: layout)
      }
      self.outline = outline
    }
    plan = try CheckpointPlan(
      outline.tensors, fileFormat: outline.fileFormat, shardByteCountLimit: shardByteCountLimit)
    bitsPerWeight = Double(8 * outline.weightByteCount) / Double(max(1, weightCount))
  }

  // MARK: Before

  private static func outline(
    _ layers: FittedLayers, of checkpoint: Checkpoint, keyValues: QuantizationArguments?
  ) throws(InputError) -> CheckpointOutline {
    let (family, schemes) = (layers.family, layers.schemes)
    let modules = layers.infos.compactMap { info in
      ModuleDescription.name(ofWeight: info.name).map {
        ModuleDescription(name: $0, shape: info.shape)
      }
    }
    var linear = modules.filter { $0.shape.count == 2 && !VerificationReport.isTable($0.name) }
    // A head that is the embedding has no tensor, and is a layer to readers.
    if !linear.contains(where: { $0.name == "lm_head" }) {
      linear.append(ModuleDescription(name: "lm_head", shape: []))
    }
    var outline = try family.outline(
      of: CheckpointFamilies.plain(checkpoint.configuration), tensors: layers.infos,
      modules: linear, schemes: schemes, keyValues: keyValues.map { ($0, []) })
    // Scales of inputs are copied, whatever their type is.
    var types: [String: DType] = [:]
    for (layer, scheme) in schemes {
      guard let scale = ActivationScale.ofInputs(scheme.inputActivations)?.name(of: layer) else {
        continue
      }
      types[family.place(of: scale).tensor] = checkpoint.info(scale)?.dtype
    }
    outline.setTypes(types)
    return outline
  }

  // MARK: Meanwhile

  private static let copiesOfConfigurations = [
    "quantization_config.json", "quantize_config.json", "quant_config.json",
  ]

  func write(to writer: CheckpointWriter) throws -> [String] {
    let rounded = try layers.map { try write($0, to: writer) } ?? []
    try outline.writeCopies(to: writer) { name, write in
      let owner = ModuleDescription.name(ofWeight: name).flatMap { layer in
        layers?.plain.contains(layer) == true ? layers?.dense : nil
      }
      try (owner ?? source).forEachPart(of: name, write)
      source.releasePages()
    }
    try writer.write(outline.configuration.text(indentation: 2) + "\n", toFile: "config.json")
    for document in outline.documents where document.name != "config.json" {
      try writer.write(document.text, toFile: document.name)
    }
    for document in source.documents { try writer.write(document.text, toFile: document.name) }
    // What other programs keep of a configuration besides speaks of the source.
    let written = outline.documents.map(\.name) + Self.copiesOfConfigurations
    for other in source.otherFiles where !written.contains(other.lastPathComponent) {
      try writer.copyFile(other)
    }
    let recipe = source.folder.appending(path: "recipe.yaml")
    if FileManager.default.fileExists(atPath: recipe.path(percentEncoded: false)) {
      try writer.copyFile(recipe)
    }
    return rounded.isEmpty
      ? []
      : [
        enumerated(rounded, "layer")
          + " rounded again, as \(format.name) does not hold all of their numbers"
      ]
  }

  /// Writes the quantized layers.
  ///
  /// - Returns: Those that were rounded again because of their numbers.
  private func write(_ layers: FittedLayers, to writer: CheckpointWriter) throws -> [String] {
    let types = Dictionary(layers.infos.map { ($0.name, $0.dtype) }, uniquingKeysWith: { $1 })
    var rounded: [String] = []
    for (layer, scheme) in layers.schemes.sorted(by: { $0.key < $1.key }) {
      let made = try layers.weight(of: layer, scaleDType: types["\(layer).weight"] ?? .float32)
      if made.isRounded { rounded.append(layer) }
      for (name, tensor) in try layers.encoding(of: layer).tensors(for: made.weight, name: layer) {
        try writer.write(tensor, at: layers.family.place(of: name))
      }
      if let scale = ActivationScale.ofInputs(scheme.inputActivations)?.name(of: layer) {
        try writer.write(source.tensor(scale), at: layers.family.place(of: scale))
      }
      source.releasePages()
    }
    return rounded
  }
}
