package import QuantizedCheckpoints

/// Who reads checkpoints of a format, as far as files about a run say it.
package struct FormatReaders: Sendable {
  /// What configurations call the format, and the package of its readers.
  package var name: String
  /// The version that files are written for.
  package var version: String
  /// The package beside transformers that reads it there; nil where transformers does not read it.
  package var transformersPackage: String?
  /// Commands that run a checkpoint of a name, where transformers does not.
  package var commands: @Sendable (_ checkpoint: String) -> [String]

  package init(
    name: String, version: String, transformersPackage: String? = nil,
    commands: @escaping @Sendable (String) -> [String]
  ) {
    (self.name, self.version, self.transformersPackage) = (name, version, transformersPackage)
    self.commands = commands
  }

  /// Those of a family.
  package init(_ family: any CheckpointFamily) {
    self.init(
      name: family.name, version: family.version, transformersPackage: family.transformersPackage
    ) { checkpoint in
      family.command(running: checkpoint).map { ["pip install \($0.package)", $0.line] } ?? []
    }
  }
}
