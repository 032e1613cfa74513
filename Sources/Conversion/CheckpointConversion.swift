import Checkpoints
public import Diagnostics
import Execution
public import Foundation
import JSONText
import LanguageModels
public import Quantization
import QuantizedCheckpoints
import Reporting
import Tensors
import Verification

/// Writes a quantized checkpoint in another format of compressed-tensors without tuning it again.
///
/// Integers, floats, scales and zero points stay what they are; only their layout changes. The model itself
/// need not be known.
public struct CheckpointConversion {
  /// The checkpoint to read.
  public var checkpoint: URL
  /// How the layers are to be stored.
  public var format: CompressionFormat
  /// The folder to write.
  public var output: URL
  /// Whether a checkpoint that is there may be replaced.
  public var overwrite: Bool

  /// The formats that can be asked for.
  public static let formats = CompressionFormat.allCases.filter { $0 != .mixedPrecision }

  /// Their names.
  public static var formatNames: [String] { formats.map(\.rawValue) }

  /// What a conversion did.
  public struct Report: Sendable, Equatable {
    /// Layers that were laid out anew.
    public var layerCount: Int
    /// Bytes of the tensors before.
    public var sourceByteCount: Int
    /// Bytes of the tensors after.
    public var outputByteCount: Int
    /// The folder.
    public var output: URL

    /// The report as lines for people.
    package var lines: [String] {
      [
        "layers     \(layerCount)",
        "size       \(Quantities.bytes(sourceByteCount)) -> \(Quantities.bytes(outputByteCount))",
        "written    \(output.path(percentEncoded: false))",
      ]
    }
  }

  /// Creates a conversion.
  public init(
    checkpoint: URL, format: CompressionFormat, output: URL, overwrite: Bool = false
  ) {
    self.checkpoint = checkpoint
    self.format = format
    self.output = output
    self.overwrite = overwrite
  }

  /// The format of a name.
  ///
  /// - Throws: `InputError` that lists the formats.
  public static func format(named name: String) throws(InputError) -> CompressionFormat {
    guard let format = formats.first(where: { $0.rawValue == name }) else {
      throw InputError(
        .invalidValue, source: OptionName.format.description,
        "found \(quoted(name)), expected one of \(formatNames.joined(separator: ", "))")
    }
    return format
  }

  /// Reads, lays out anew and writes.
  ///
  /// - Throws: `InputError`; `unsupported` for a layer whose numbers the format cannot hold.
  public func run() throws -> Report {
    let source = try Checkpoint(opening: checkpoint)
    try source.requireReadableFiles()
    try source.requireInside("recipe.yaml")
    let quantized = try DequantizedCheckpoint(source)
    let target = CheckpointFamilies.usual
    let schemes = quantized.schemes.mapValues { scheme in
      var converted = scheme
      converted.format = format
      return converted
    }
    if format != .dense {
      for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
        try target.requireHolds(scheme, path: layer)
      }
    }

    try requireLayers(schemes.keys, of: source)
    let outline = try outline(of: source, quantized, schemes)
    let folder = try PartialFolder(output: output, sources: [checkpoint], overwrite: overwrite)
    defer { folder.discard() }
    try folder.clear()
    let writer = try CheckpointWriter(CheckpointPlan(outline.tensors), in: folder)
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      let weight = try quantized.quantizedWeight(of: layer)
      let tensors =
        format == .dense
        ? [("\(layer).weight", weight.dequantized(to: weight.dtype))]
        : try target.encoding(of: scheme).tensors(for: weight, name: layer)
      for (name, tensor) in tensors { try writer.write(tensor, at: target.place(of: name)) }
      source.releasePages()
    }
    for copy in outline.copies { try writer.write(source.tensor(copy.source), at: copy.place) }
    try writer.write(outline.configuration.text(indentation: 2) + "\n", toFile: "config.json")
    for other in source.otherFiles { try writer.copyFile(other) }
    let recipe = checkpoint.appending(path: "recipe.yaml")
    if FileManager.default.fileExists(atPath: recipe.path(percentEncoded: false)) {
      try writer.copyFile(recipe)
    }
    let written = VerificationReport.digests(of: URL(filePath: folder.checkpointPath))
    try writer.write(written.sums, toFile: VerificationReport.sumsFile)
    try writer.finish()
    return Report(
      layerCount: schemes.count, sourceByteCount: source.byteCount,
      outputByteCount: writer.tensorByteCount, output: output)
  }

  /// Refuses to write layers in full precision as tensors of their own where their family has them in other ones, or has
  /// rows for columns: nobody would find them.
  private func requireLayers(
    _ layers: some Collection<String>, of source: Checkpoint
  ) throws(InputError) {
    guard format == .dense else { return }
    let own = Set(layers)
    guard let first = source.layerTensors.first(where: { own.contains($0.layer) && !$0.isApart })
    else { return }
    throw InputError(
      .unsupported, source: source.folder.path(percentEncoded: false), place: first.layer,
      "models of this family in full precision have its weight in \(quoted(first.stored.tensor)), as a part or with rows for columns; "
        + "such a tensor is not put together again")
  }

  /// All that the copy consists of.
  private func outline(
    of source: Checkpoint, _ quantized: DequantizedCheckpoint,
    _ schemes: [String: QuantizationScheme]
  ) throws(InputError) -> CheckpointOutline {
    let (family, target) = (quantized.family, CheckpointFamilies.usual)
    var outline = CheckpointOutline(configuration: .null)
    // The copy in full precision.
    var plain: [TensorInfo] = []
    var planned: Set<String> = []
    for info in source.tensorNames.compactMap(source.info) {
      let layers = family.owners(of: info).filter { schemes[$0] != nil }
      for layer in layers where planned.insert(layer).inserted {
        let stored = try quantized.outline(of: layer)
        let (grouping, scaleDType) = (stored.grouping, stored.scaleDType ?? .bfloat16)
        plain.append(
          TensorInfo(
            name: "\(layer).weight", dtype: QuantizedWeight.dtype(ofScales: scaleDType),
            shape: [grouping.rows, grouping.columns]))
        guard format != .dense, let scheme = schemes[layer] else {
          outline.add(plain[plain.count - 1], at: target.place(of: "\(layer).weight"))
          continue
        }
        let tensors = try target.encoding(of: scheme).plannedTensors(
          for: layer, rows: grouping.rows, columns: grouping.columns, arguments: stored.arguments,
          scaleDType: scaleDType)
        for tensor in tensors { outline.add(tensor, at: target.place(of: tensor.name)) }
      }
      guard layers.isEmpty, !isLost(info.name, schemes, family) else { continue }
      plain.append(info)
      outline.copy(info, at: TensorPlace(tensor: info.name))
    }
    outline.configuration = try configuration(source.configuration, family, plain, schemes)
    return outline
  }

  /// The configuration with the new format, or without any quantization.
  ///
  /// - Parameter plain: The tensors of the copy in full precision.
  private func configuration(
    _ source: JSONValue, _ family: any ReadableFamily, _ plain: [TensorInfo],
    _ schemes: [String: QuantizationScheme]
  ) throws(InputError) -> JSONValue {
    let target = CheckpointFamilies.usual
    if format != .dense, family.name == target.name {
      return target.configuration(source, storedAs: format)
    }
    let configuration = source.removing("quantization_config")
    guard format != .dense else { return configuration }
    let modules = plain.compactMap { info in
      ModuleDescription.name(ofWeight: info.name).map {
        ModuleDescription(name: $0, shape: info.shape)
      }
    }
    return try target.outline(
      of: configuration, tensors: plain,
      modules: modules.filter { $0.shape.count == 2 && !VerificationReport.isTable($0.name) },
      schemes: schemes, keyValues: nil
    ).configuration
  }

  /// Whether a tensor means nothing in the copy: a scale of activations without a configuration that speaks of it, or
  /// what other programs keep beside a quantized weight.
  private func isLost(
    _ name: String, _ schemes: [String: QuantizationScheme], _ family: any ReadableFamily
  ) -> Bool {
    let suffix = name.split(separator: ".").last.map(String.init) ?? ""
    if family.tensorSuffixes.contains(suffix) { return format == .dense }
    return suffix != "bias" && schemes[String(name.dropLast(suffix.count + 1))] != nil
  }
}
