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
  var layerCount: Int { schemes.count }
  private let quantized: DequantizedCheckpoint
  /// How layers are stored; nil for weights as numbers.
  private let family: (any CheckpointFamily)?
  /// By layer, each with the layout that it gets.
  private let schemes: [String: QuantizationScheme]
  private let outline: CheckpointOutline

  private var source: Checkpoint { quantized.checkpoint }

  /// - Throws: `unsupported` for a layer whose numbers the format cannot hold.
  init(
    of quantized: DequantizedCheckpoint, as format: ConversionFormat, shardByteCountLimit: Int
  ) throws(InputError) {
    (self.quantized, self.format) = (quantized, format)
    var schemes = quantized.schemes
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
    let plain = try Self.plainTensors(of: quantized, isDense: family == nil)
    if let family {
      outline = try Self.outline(plain.tensors, quantized, schemes, family, format)
    } else {
      try Self.requireLayers(schemes.keys, of: quantized.checkpoint)
      var outline = CheckpointOutline(
        configuration: CheckpointFamilies.plain(quantized.checkpoint.configuration))
      for info in plain.tensors {
        let layer = ModuleDescription.name(ofWeight: info.name) ?? ""
        if schemes[layer] == nil {
          outline.copy(info, at: TensorPlace(tensor: info.name))
        } else {
          outline.add(info, at: TensorPlace(tensor: info.name))
        }
      }
      self.outline = outline
    }
    plan = try CheckpointPlan(
      outline.tensors, fileFormat: outline.fileFormat, shardByteCountLimit: shardByteCountLimit)
    bitsPerWeight = Double(8 * outline.weightByteCount) / Double(max(1, plain.weightCount))
  }

  // MARK: Before

  /// The tensors of the model in full precision, in the order of the files.
  ///
  /// - Parameter isDense: Whether nothing of the copy is quantized, so that scales of activations mean nothing.
  static func plainTensors(
    of quantized: DequantizedCheckpoint, isDense: Bool
  ) throws(InputError) -> (tensors: [TensorInfo], weightCount: Int) {
    let (source, schemes) = (quantized.checkpoint, quantized.schemes)
    var tensors: [TensorInfo] = []
    var weightCount = 0
    var planned: Set<String> = []
    for info in source.tensorNames.compactMap(source.info) {
      let layers = quantized.family.owners(of: info).filter { schemes[$0] != nil }
      for layer in layers where planned.insert(layer).inserted {
        let stored = try quantized.outline(of: layer)
        let shape = [stored.grouping.rows, stored.grouping.columns]
        tensors.append(
          TensorInfo(
            name: "\(layer).weight",
            dtype: QuantizedWeight.dtype(ofScales: stored.scaleDType ?? .bfloat16), shape: shape))
        weightCount += shape[0] * shape[1]
      }
      guard layers.isEmpty, !isLost(info.name, quantized, isDense) else { continue }
      tensors.append(info)
    }
    return (tensors, weightCount)
  }

  /// Whether a tensor means nothing in the copy: a scale of activations without a configuration that speaks of it, or
  /// what other programs keep beside a quantized weight. Scales of inputs are planned with their layers.
  private static func isLost(
    _ name: String, _ quantized: DequantizedCheckpoint, _ isDense: Bool
  ) -> Bool {
    let suffix = name.split(separator: ".").last.map(String.init) ?? ""
    let module = String(name.dropLast(suffix.count + 1))
    if quantized.family.tensorSuffixes.contains(suffix) {
      return isDense || quantized.schemes[module] != nil
    }
    return suffix != "bias" && quantized.schemes[module] != nil
  }

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

  /// Refuses to write layers in full precision as tensors of their own where their family has them in other ones, or has
  /// rows for columns: nobody would find them.
  private static func requireLayers(
    _ layers: some Collection<String>, of source: Checkpoint
  ) throws(InputError) {
    let own = Set(layers)
    guard let first = source.layerTensors.first(where: { own.contains($0.layer) && !$0.isApart })
    else { return }
    throw InputError(
      .unsupported, source: source.folder.path(percentEncoded: false), place: first.layer,
      "models of this family in full precision have its weight in \(quoted(first.stored.tensor)), as a part or with rows for columns; "
        + "such a tensor is not put together again")
  }

  // MARK: Meanwhile

  private static let copiesOfConfigurations = [
    "quantization_config.json", "quantize_config.json", "quant_config.json",
  ]

  /// Writes all of it, one layer at a time.
  func write(to writer: CheckpointWriter) throws {
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      let weight = try quantized.quantizedWeight(of: layer)
      guard let family else {
        try writer.write(
          weight.dequantized(to: weight.dtype), at: TensorPlace(tensor: "\(layer).weight"))
        continue
      }
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
    for copy in outline.copies { try writer.write(source.tensor(copy.source), at: copy.place) }
    try writer.write(outline.configuration.text(indentation: 2) + "\n", toFile: "config.json")
    for document in outline.documents where document.name != "config.json" {
      try writer.write(document.text, toFile: document.name)
    }
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
