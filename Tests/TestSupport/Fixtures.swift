package import Foundation

/// Where the files that tests read are.
package enum Fixtures {
  /// The root of the package.
  package static let package = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// `Tests/Fixtures`: oracles computed by the reference systems; its README says how.
  package static let folder = package.appending(path: "Tests/Fixtures")

  /// `Examples`: the model and the texts that ship with the project.
  package static let examples = package.appending(path: "Examples")
}
