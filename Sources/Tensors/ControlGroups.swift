import Foundation

/// The control groups of Linux that this process belongs to.
package enum ControlGroups {
  /// A folder of a control group's files.
  package struct Group {
    package let folder: String
    /// Whether it is of the second version, which has one hierarchy for all kinds of limits.
    package let isUnified: Bool

    /// What the file `name` holds; nil if there is none.
    package func text(_ name: String) -> String? {
      try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }
  }

  /// The groups of this process that limit a resource, each with its parents up to the root. Limits of
  /// parents hold too.
  ///
  /// - Parameter controller: The resource, as the first version calls it: `memory`, `cpu`.
  package static func limiting(_ controller: String) -> [Group] {
    guard let membership = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)
    else { return [] }
    return groups(membership: membership, controller: controller)
  }

  /// The same from the text of `/proc/self/cgroup`.
  package static func groups(membership: String, controller: String) -> [Group] {
    var groups: [Group] = []
    for line in membership.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isUnified = parts[0] == "0" && parts[1].isEmpty
      guard isUnified || parts[1].split(separator: ",").contains(Substring(controller)) else {
        continue
      }
      let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/\(controller)"
      var path = parts[2].split(separator: "/").map(String.init)
      while true {
        groups.append(
          Group(folder: ([root] + path).joined(separator: "/"), isUnified: isUnified))
        if path.popLast() == nil { break }
      }
    }
    return groups
  }
}
