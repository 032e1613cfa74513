import Checksums
public import Foundation
import JSONText

extension VerificationReport {
  /// The file with the digests of a checkpoint's tensors that `quantize` writes.
  package static let recordFile = "quantization_report.json"

  /// Reads a finished checkpoint from its files and checks all that can be checked: how the files fit
  /// together, every quantized layer, what runtimes ask for, and with a source every tensor against it.
  ///
  /// Nothing of the code that writes checkpoints is used.
  ///
  /// - Parameters:
  ///   - folder: The folder of a compressed-tensors checkpoint.
  ///   - source: The checkpoint that it was made from; nil to do without.
  public init(verifying folder: URL, source: URL? = nil) {
    self.init()
    let stored = StoredTensors(folder, &self)
    tensorCount = stored.tensors.count
    tensorDigests = stored.tensors.mapValues(\.digest)
    digestFiles(folder)
    compareRecord(folder)
    guard let configuration = Self.configuration(folder, &self),
      let description = QuantizationDescription(configuration, &self)
    else { return }

    var layers: [String: (shape: [Int], scheme: LayerScheme?)] = [:]
    var quantized: [String: (shape: [Int], scheme: LayerScheme)] = [:]
    let tensors = stored.tensors
    let scaled = tensors.keys.filter {
      $0.hasSuffix(".weight_scale") || $0.hasSuffix(".weight_packed")
    }
    let modules = Set(scaled.map { $0.split(separator: ".").dropLast().joined(separator: ".") })
    for module in modules.sorted() {
      guard let scheme = description.scheme(of: module) ?? description.schemes.first else {
        continue
      }
      guard let shape = LayerCheck(module: module, scheme: scheme, tensors: tensors).run(&self)
      else { continue }
      layers[module] = (shape, scheme)
      quantized[module] = (shape, scheme)
    }
    quantizedLayerCount = modules.count
    for (name, tensor) in tensors where name.hasSuffix(".weight") && tensor.shape.count == 2 {
      let module = String(name.dropLast(7))
      if !modules.contains(module), !Self.isTable(module) { layers[module] = (tensor.shape, nil) }
    }
    checkBlocks(configuration, layers.keys)
    LoadContracts(configuration: configuration, description: description, layers: layers)
      .run(&self)
    guard let source else { return }
    comparesSource = true
    let original = StoredTensors(source, &self)
    SourceLedger(source: original.tensors, tensors: tensors, quantized: quantized).run(&self)
  }

  /// Whether a matrix is looked up in rather than multiplied with.
  private static func isTable(_ module: String) -> Bool {
    let name = module.split(separator: ".").last ?? ""
    return name.contains("embed") || name == "wte" || name == "wpe" || name.contains("norm")
  }

  private static func configuration(
    _ folder: URL, _ report: inout VerificationReport
  ) -> JSONValue? {
    guard let data = try? Data(contentsOf: folder.appending(path: "config.json")),
      let value = try? JSONValue.parse(Array(data)), value.objectValue != nil
    else {
      report.add(.damage, "config.json", "is missing or not a JSON object")
      return nil
    }
    return value
  }

  /// Every decoder block that the configuration counts has layers, and no other.
  private mutating func checkBlocks(_ configuration: JSONValue, _ layers: some Sequence<String>) {
    guard let count = configuration["num_hidden_layers"]?.intValue else { return }
    var found: Set<Int> = []
    for layer in layers {
      let parts = layer.split(separator: ".")
      guard let place = parts.firstIndex(of: "layers"), place + 1 < parts.count,
        let number = Int(parts[place + 1])
      else { continue }
      found.insert(number)
    }
    guard !found.isEmpty, (0...1 << 20).contains(count) else { return }
    let missing = Set(0..<count).subtracting(found).sorted()
    if !missing.isEmpty {
      add(.damage, "model.layers", "blocks \(missing) of \(count) have no linear layer")
    }
  }

  private mutating func digestFiles(_ folder: URL) {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    for name in names {
      let url = folder.appending(path: name)
      guard let data = try? Data(contentsOf: url, options: .alwaysMapped) else { continue }
      var sum = SHA256()
      data.withUnsafeBytes { sum.update($0) }
      files.append(File(name: name, byteCount: data.count, digest: sum.hexadecimal))
      if name.hasSuffix(".json"), (try? JSONValue.parse(Array(data))) == nil {
        add(.damage, name, "is not JSON")
      }
    }
  }

  /// Compares the tensors and files with the digests that were recorded when they were written.
  private mutating func compareRecord(_ folder: URL) {
    guard let data = try? Data(contentsOf: folder.appending(path: Self.recordFile)),
      let record = try? JSONValue.parse(Array(data))
    else { return }
    for member in record["tensors"]?.objectValue ?? [] {
      guard let digest = tensorDigests[member.key] else {
        add(.damage, member.key, "was written and is not there")
        continue
      }
      if digest != member.value.stringValue {
        add(.damage, member.key, "is not what was written")
      }
    }
    for file in record["files"]?.arrayValue ?? [] {
      guard let name = file["name"]?.stringValue else { continue }
      guard let found = files.first(where: { $0.name == name }) else {
        add(.damage, name, "was written and is not there")
        continue
      }
      if found.digest != file["sha256"]?.stringValue {
        add(.damage, name, "is not the file that was written")
      }
    }
  }
}
