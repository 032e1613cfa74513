import Checkpoints
import Diagnostics
import Execution
import Foundation
import JSONText
import LanguageModels
import Quantization
import QuantizedCheckpoints
import Tensors
import Verification

/// A quantized checkpoint as it will be in another format.
struct ConvertedCopy: OutputCopy {
  let format: ConversionFormat
  let plan: CheckpointPlan
  let bitsPerWeight: Double
  let layerCount: Int
  /// What it is made of; of weights as numbers, a checkpoint that has them.
  private let source: Checkpoint
  /// The same with its layers; nil for one whose numbers are all that is known of it.
  private let quantized: DequantizedCheckpoint?
  /// How layers are stored; nil for weights as numbers.
  private let family: (any CheckpointFamily)?
  /// By layer, each with the layout that it gets.
  private let schemes: [String: QuantizationScheme]
  private let outline: CheckpointOutline

  /// - Throws: `unsupported` for a layer whose numbers the format cannot hold.
  init(
    of checkpoint: Checkpoint, as format: ConversionFormat, shardByteCountLimit: Int
  ) throws(InputError) {
    self.format = format
    let isMade = checkpoint.made != nil && format.kind == .layout(.dense)
    let quantized = try isMade ? nil : DequantizedCheckpoint(checkpoint)
    self.quantized = quantized
    var schemes = quantized?.schemes ?? [:]
    switch format.kind {
    case .gguf: preconditionFailure("files of llama.cpp are no checkpoints of this kind")
    case .format(let format):
      for layer in schemes.keys { schemes[layer]?.format = nil }
      family = try format.family(of: schemes)
    case .layout(let layout):
      for layer in schemes.keys { schemes[layer]?.format = layout }
      family =
        layout == .dense ? nil : try OutputFormat.compressedTensors.family(of: schemes)
    }
    self.schemes = schemes
    if family != nil, let table = schemes.keys.sorted().first(where: VerificationReport.isTable) {
      throw InputError(
        .unsupported, place: table,
        "is an embedding that is quantized, expected one in full precision, as \(format.name) has it"
      )
    }
    let weightCount: Int
    if let family, let quantized {
      let plain = try quantized.plainTensors(isDense: false)
      weightCount = plain.weightCount
      outline = try Self.outline(plain.tensors.map(\.info), quantized, schemes, family, format)
      source = checkpoint
    } else {
      let source = try quantized?.dense ?? checkpoint
      try source.requireOwnTensors()
      self.source = source
      weightCount = source.made?.storage.weightCount ?? 0
      var outline = CheckpointOutline(configuration: source.configuration)
      for info in source.tensorNames.compactMap(source.info) {
        outline.copy(info, at: TensorPlace(tensor: info.name))
      }
      self.outline = outline
    }
    layerCount = family == nil ? source.made?.storage.tensorCount ?? 0 : schemes.count
    plan = try CheckpointPlan(
      outline.tensors, fileFormat: outline.fileFormat, shardByteCountLimit: shardByteCountLimit)
    bitsPerWeight = Double(8 * outline.weightByteCount) / Double(max(1, weightCount))
  }

  // MARK: Before

  private static func outline(
    _ plain: [TensorInfo], _ quantized: DequantizedCheckpoint,
    _ schemes: [String: QuantizationScheme], _ family: any CheckpointFamily,
    _ format: ConversionFormat
  ) throws(InputError) -> CheckpointOutline {
    let configuration = quantized.checkpoint.configuration
    let modules = plain.compactMap { info in
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
      of: CheckpointFamilies.plain(configuration), tensors: plain, modules: linear,
      schemes: schemes, keyValues: quantized.keyValueScheme.map { ($0, []) })
    // Scales of inputs are copied, whatever their type is.
    var types: [String: DType] = [:]
    for (layer, scheme) in schemes {
      guard let scale = ActivationScale.ofInputs(scheme.inputActivations)?.name(of: layer) else {
        continue
      }
      types[family.place(of: scale).tensor] = quantized.checkpoint.info(scale)?.dtype
    }
    outline.setTypes(types)
    // A family's own configuration stays as it was, but for the layout.
    if case .layout(let layout) = format.kind, quantized.family.name == family.name {
      outline.configuration = family.configuration(configuration, storedAs: layout)
    }
    return outline
  }

  // MARK: Meanwhile

  private static let copiesOfConfigurations = [
    "quantization_config.json", "quantize_config.json", "quant_config.json",
  ]

  /// Writes all of it, one layer at a time.
  func write(to writer: CheckpointWriter) throws {
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      guard let family, let quantized else { break }
      let weight = try quantized.quantizedWeight(of: layer)
      let encoding = try family.encoding(of: scheme)
      try encoding.requireHolds(weight, name: layer)
      for (name, tensor) in encoding.tensors(for: weight, name: layer) {
        try writer.write(tensor, at: family.place(of: name))
      }
      if let scale = ActivationScale.ofInputs(scheme.inputActivations)?.name(of: layer) {
        try writer.write(source.tensor(scale), at: family.place(of: scale))
      }
      source.releasePages()
    }
    try outline.writeCopies(to: writer) { name, write in
      try source.forEachPart(of: name, write)
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
  }
}
