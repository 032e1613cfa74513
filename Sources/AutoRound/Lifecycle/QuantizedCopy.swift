package import Checkpoints
import CompressedTensors
import Diagnostics
package import Execution
import Foundation
package import JSONText
import LanguageModels
package import Quantization
import Recipes
import Tensors
import Verification

/// What the quantized copy of a checkpoint holds: every tensor of the source, quantized or as it was.
package struct QuantizedCopy {
  private let checkpoint: Checkpoint
  private let modules: [ModuleDescription]
  private let schemes: [String: QuantizationScheme]
  private let keyValueScheme: QuantizationArguments?
  /// Every tensor of the copy, known before any is computed.
  package let tensors: [TensorInfo]
  /// Bytes of the source's tensors.
  let sourceByteCount: Int
  /// Stored bits for each weight of the quantized layers, scales and zero points included.
  let bitsPerWeight: Double
  /// The source's tensors that are copied bit for bit.
  private let copied: [String]
  /// Matrices of the source that belong to none of the modules. Readers take them for linear layers, so
  /// that `ignore` has to list them.
  private let strays: [String]
  /// All linear layers that stay as they are.
  var kept: [String] {
    modules.filter { $0.isLinear && schemes[$0.name] == nil }.map(\.name) + strays
  }

  package init(
    of source: SourceModel, schemes: [String: QuantizationScheme],
    keyValueScheme: QuantizationArguments? = nil
  ) throws {
    var scales: [TensorInfo] = []
    if keyValueScheme != nil {
      for placed in source.description.blocks {
        let type = source.scaleDType(ofBlock: placed)
        for module in placed.block.attentionModules {
          scales += ActivationScales.plannedKeyValueTensors(
            for: "\(placed.name).\(module)", dtype: type)
        }
      }
    }
    try self.init(
      of: source.checkpoint, modules: source.description.modules, schemes: schemes,
      keyValueScheme: keyValueScheme, keyValueScales: scales)
  }

  /// - Parameters:
  ///   - modules: The modules that the configuration speaks of.
  ///   - keyValueScales: The scales of keys and values that the copy has besides.
  init(
    of checkpoint: Checkpoint, modules: [ModuleDescription],
    schemes: [String: QuantizationScheme], keyValueScheme: QuantizationArguments? = nil,
    keyValueScales: [TensorInfo] = []
  ) throws {
    try checkpoint.requireNoLeftovers(beside: schemes.keys)
    self.checkpoint = checkpoint
    self.modules = modules
    self.schemes = schemes
    self.keyValueScheme = keyValueScheme
    var tensors: [TensorInfo] = []
    var copied: [String] = []
    var (sourceBytes, quantizedBits, weights) = (0, 0, 0)
    for name in checkpoint.tensorNames {
      guard let info = checkpoint.info(name) else { continue }
      sourceBytes += info.byteCount
      let module = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : ""
      guard let scheme = schemes[module], let arguments = scheme.weights else {
        tensors.append(info)
        copied.append(name)
        continue
      }
      let planned = try naming(module) {
        try scheme.resolvedFormat.layout().plannedTensors(
          for: module, rows: info.shape[0], columns: info.shape[1], arguments: arguments,
          scaleDType: info.dtype)
      }
      if let scale = ActivationScales.plannedTensor(
        for: module, inputs: scheme.inputActivations, dtype: info.dtype)
      {
        tensors.append(scale)
      }
      tensors += planned
      for tensor in planned where tensor.name != "\(module).weight_shape" {
        quantizedBits += 8 * tensor.byteCount
      }
      weights += info.shape.reduce(1, *)
    }
    tensors += keyValueScales
    var names: Set<String> = []
    for tensor in tensors where !names.insert(tensor.name).inserted {
      throw InputError(
        .malformed, source: checkpoint.folder.path(percentEncoded: false),
        place: "tensor \(quoted(tensor.name))",
        "is in the source, and a quantized layer is to have a tensor of this name; the source seems to be "
          + "quantized already, expected one in full precision")
    }
    self.tensors = tensors
    self.copied = copied
    let known = Set(modules.filter(\.isLinear).map(\.name))
    strays = copied.filter { name in
      name.hasSuffix(".weight") && checkpoint.info(name)?.shape.count == 2
    }.map { String($0.dropLast(".weight".count)) }
      .filter { !known.contains($0) && !VerificationReport.isTable($0) }
    sourceByteCount = sourceBytes
    bitsPerWeight = weights > 0 ? Double(quantizedBits) / Double(weights) : 0
  }

  /// The source's configuration with the schemes of the quantized layers.
  package var configuration: JSONValue {
    var quantization = CompressedTensorsConfiguration(
      schemes: schemes, modules: modules)
    quantization.ignore += strays
    quantization.keyValueCacheScheme = keyValueScheme
    var configuration = checkpoint.configuration
    configuration.set("quantization_config", quantization.json)
    return configuration
  }

  /// The files besides those of tensors, with their sizes.
  func otherFiles(recipe: Recipe) -> [RunPlan.File] {
    [
      RunPlan.File(name: "config.json", byteCount: configurationText.utf8.count),
      RunPlan.File(name: "recipe.yaml", byteCount: recipe.yaml.utf8.count),
    ]
      + copiedFiles.flatMap(Checkpoint.copies).map {
        RunPlan.File(name: $0.name, byteCount: $0.byteCount)
      }
  }

  private var configurationText: String { configuration.text(indentation: 2) + "\n" }

  private var copiedFiles: [URL] {
    checkpoint.otherFiles.filter { $0.lastPathComponent != "recipe.yaml" }
  }

  /// A scale of activations as its tensor.
  func tensor(ofScale scale: Float, named name: String) -> Tensor {
    guard let info = tensors.first(where: { $0.name == name }) else {
      preconditionFailure("\(name) was not planned")
    }
    return Tensor([scale], shape: [1]).converted(to: info.dtype)
  }

  /// How the weight of a quantized layer is laid out.
  func layout(of module: String) throws -> any WeightLayout.Type {
    guard let scheme = schemes[module] else {
      preconditionFailure("\(module) has no scheme")
    }
    return try scheme.resolvedFormat.layout()
  }

  /// Writes everything but the quantized layers: the other tensors, the configuration, the files that
  /// belong to the model, and the recipe.
  func writeTheRest(to writer: CheckpointWriter, recipe: Recipe) throws {
    for name in copied {
      try writer.write(checkpoint.tensor(name), named: name)
    }
    try writer.write(configurationText, toFile: "config.json")
    for file in copiedFiles { try writer.copyFile(file) }
    try writer.write(recipe.yaml, toFile: "recipe.yaml")
  }
}
